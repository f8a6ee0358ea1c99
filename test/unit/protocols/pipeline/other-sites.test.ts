import { request } from 'node:http';
import { expect, it, vi } from 'vitest';
import type { Access } from '../../../../src/protocols/pipeline/access.ts';
import { refuseOtherMachines } from '../../../../src/protocols/pipeline/other-sites.ts';
import { problemOf, serve, services } from '../double.ts';

const text = JSON.stringify({ head: 'emoji', inputs: [{ text: 'a' }] });

async function predict(address: string, headers: Record<string, string>) {
  const all = { 'Content-Type': 'application/json', ...headers };
  return fetch(`${address}/v1/predict`, { method: 'POST', body: text, headers: all });
}

it('refuses what a page of another site sends without a key, and answers its own and who is no browser', async () => {
  const access: Access = async (secret) => (secret === 'right' ? 'admin' : 'open');
  const { address } = await serve(services(), { access });
  const status = async (headers: Record<string, string>) => (await predict(address, headers)).status;
  expect(await status({})).toBe(200);
  expect(await status({ Origin: address })).toBe(200);
  expect(await status({ Origin: 'https://studio.example', 'Sec-Fetch-Site': 'same-origin' })).toBe(200);
  const others: Record<string, string>[] = [
    { Origin: 'https://elsewhere.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'http://127.0.0.1:1', 'Sec-Fetch-Site': 'same-site' },
  ];
  for (const headers of others) expect(await status(headers)).toBe(403);
  const refused = await predict(address, { Origin: 'https://elsewhere.example' });
  expect(await problemOf(refused)).toMatchObject({
    code: 'forbidden',
    detail: expect.stringContaining('https://elsewhere.example'),
  });
  expect(await status({ Origin: 'https://elsewhere.example', Authorization: 'Bearer right' })).toBe(200);
  const link = await fetch(`${address}/v1/heads`, { headers: { 'Sec-Fetch-Site': 'cross-site' } });
  expect(link.status).toBe(200);
});

it('answers for this machine alone, whatever name leads here, where it is for this machine alone', async () => {
  const { address } = await serve(services(), { thisMachineAlone: true });
  const { port } = new URL(address);
  const status = (host: string) =>
    new Promise((resolve, reject) => {
      const asked = request(`${address}/v1/heads`, { headers: { Host: host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'studio.localhost'])
    expect(await status(host)).toBe(200);
  for (const host of [`elsewhere.example:${port}`, '192.0.2.7', 'localhost.example', '127.0.0.1.example'])
    expect(await status(host)).toBe(403);
});

it('takes a key for one only where it counts: a page of another site can send any header', async () => {
  const keyless = await serve(services(), { thisMachineAlone: true });
  const access: Access = async (secret) => (secret === 'right' ? 'admin' : undefined);
  const keyed = await serve(services(), { thisMachineAlone: true, access });
  const status = ({ address }: { address: string }, authorization: string) =>
    new Promise((resolve, reject) => {
      const headers = { Host: 'elsewhere.example', Authorization: authorization };
      const asked = request(`${address}/v1/heads`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  for (const made of ['Bearer key', 'Bearer right', 'Basic a:b', 'x', ''])
    expect(await status(keyless, made)).toBe(403);
  expect(await status(keyed, 'Bearer right')).toBe(200);
  expect(await status(keyed, 'Bearer wrong')).toBe(401);
  expect(await status(keyed, 'Basic right')).toBe(403);
  const origin = { Origin: 'https://elsewhere.example', Authorization: 'Bearer made-up' };
  expect((await predict(keyless.address, origin)).status).toBe(403);
  expect((await predict(keyed.address, { ...origin, Authorization: 'Bearer right' })).status).toBe(200);
});

it('refuses another machine without a key, where an application that it is mounted in takes its requests', async () => {
  const access: Access = async (secret) => (secret === 'known' ? 'admin' : 'open');
  const answered = async (remoteAddress: string | undefined, headers: Record<string, string> = {}) => {
    const request = {
      hostname: 'localhost',
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
