import { expect, it, vi } from 'vitest';
import type { Access } from '../../../../src/protocols/pipeline/access.ts';
import { refuseOtherMachines } from '../../../../src/protocols/pipeline/other-machines.ts';
import { fetch, problemOf, serve, services } from '../double.ts';

it('answers for this machine alone, whatever name leads here, where it is for this machine alone', async () => {
  const { address } = await serve(services(), { thisMachineAlone: true });
  const { port } = new URL(address);
  const status = async (host: string) =>
    (await fetch(`${address}/v1/heads`, { headers: { Host: host } })).status;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'studio.localhost'])
    expect(await status(host)).toBe(200);
  for (const host of [`elsewhere.example:${port}`, '192.0.2.7', 'localhost.example', '127.0.0.1.example'])
    expect(await status(host)).toBe(403);
});

it('takes a key for one only where it counts: a page of another site can send any header', async () => {
  const keyless = await serve(services(), { thisMachineAlone: true });
  const access: Access = async (secret) => (secret === 'right' ? 'admin' : undefined);
  const keyed = await serve(services(), { thisMachineAlone: true, access });
  const status = async ({ address }: { address: string }, authorization: string) => {
    const headers = { Host: 'elsewhere.example', Authorization: authorization };
    return (await fetch(`${address}/v1/heads`, { headers })).status;
  };
  for (const made of ['Bearer key', 'Bearer right', 'Basic a:b', 'x', ''])
    expect(await status(keyless, made)).toBe(403);
  expect(await status(keyed, 'Bearer right')).toBe(200);
  expect(await status(keyed, 'Bearer wrong')).toBe(401);
  expect(await status(keyed, 'Basic right')).toBe(403);
});

it('refuses another machine without a key, where an application that it is mounted in takes its requests', async () => {
  const access: Access = async (secret) => (secret === 'known' ? 'admin' : 'open');
  const answered = async (remoteAddress: string | undefined, headers: Record<string, string> = {}) => {
    const request = {
      hostname: 'localhost',
      headers,
      socket: { remoteAddress },
      get: (name: string) => headers[name],
    };
    const next = vi.fn();
    await refuseOtherMachines(access)(request as never, undefined as never, next);
    return next.mock.calls.length === 1;
  };
  for (const own of ['127.0.0.1', '::ffff:127.0.0.1', '::1', undefined])
    expect(await answered(own)).toBe(true);
  await expect(answered('192.0.2.7')).rejects.toMatchObject({ code: 'forbidden' });
  expect(await answered('192.0.2.7', { Authorization: 'Bearer known' })).toBe(true);
});

it('refuses without a key what a proxy on this machine passes on, and says which setting allows it', async () => {
  const keyless = await serve(services(), { thisMachineAlone: true });
  const added: Record<string, string>[] = [
    { Forwarded: 'for=192.0.2.7' },
    { 'X-Forwarded-For': '192.0.2.7' },
    { 'X-Forwarded-Proto': 'https' },
    { 'X-Forwarded-Host': 'studio.example' },
    { 'X-Real-IP': '192.0.2.7' },
    { Via: '1.1 proxy' },
    { 'CF-Connecting-IP': '192.0.2.7' },
    { 'X-Forwarded-For': '127.0.0.1', Authorization: 'Bearer made-up' },
  ];
  const heads = (address: string, headers: Record<string, string>) =>
    fetch(`${address}/v1/heads`, { headers });
  for (const headers of added) expect((await heads(keyless.address, headers)).status).toBe(403);
  const problem = await problemOf(await heads(keyless.address, { 'X-Forwarded-For': '192.0.2.7' }));
  expect(problem).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('x-forwarded-for') });
  expect(problem.fix).toMatch(/keys create.*--anonymous everyone/);
  expect((await heads(keyless.address, {})).status).toBe(200);
  expect((await fetch(`${keyless.address}/healthz`, { headers: { Via: '1.1 proxy' } })).status).toBe(200);
});

it('takes what a proxy passes on with a key, or where everyone is let in', async () => {
  const access: Access = async (secret) => (secret === 'right' ? 'admin' : undefined);
  const keyed = await serve(services(), { thisMachineAlone: true, access });
  const everyone = await serve(services());
  const status = async (address: string, headers: Record<string, string> = {}) =>
    (await fetch(`${address}/v1/heads`, { headers: { 'X-Forwarded-For': '192.0.2.7', ...headers } })).status;
  expect(await status(keyed.address, { Authorization: 'Bearer right' })).toBe(200);
  expect(await status(keyed.address, { Authorization: 'Bearer wrong' })).toBe(401);
  expect(await status(everyone.address)).toBe(200);
});
