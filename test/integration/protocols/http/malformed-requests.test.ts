import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { problemOf, sendForm, sendJson, serveOnPort, services } from '../../../unit/protocols/double.ts';

/** Sends bytes as they are, and reads the answer to its end. */
async function sendRaw(address: string, request: string) {
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request);
  const answer = await text(socket);
  const [head, body] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, problem: body && JSON.parse(body) };
}

const get = (headers: string, path = '/v1/heads') =>
  `GET ${path} HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`;

it.each([
  ['two Host headers', get('Host: a\r\nHost: b'), 400, 'invalid-request', '2 Host headers'],
  ['another expectation', get('Host: a\r\nExpect: coffee'), 417, 'expectation-failed', '100-continue'],
  ['large headers', get(`Host: a\r\nX: ${'x'.repeat(20_000)}`), 431, 'headers-too-large', '16 KiB'],
  ['a long address', get('Host: a', `/${'x'.repeat(20_000)}`), 431, 'headers-too-large', '16 KiB'],
  ['what is no HTTP', 'hello\r\n\r\n', 400, 'invalid-request', 'not valid HTTP'],
  ['no Host header', get('X: y'), 400, 'invalid-request', 'Host'],
])('answers %s with a problem', async (_, request, status, code, detail) => {
  const { address } = await serveOnPort(services());
  const answer = await sendRaw(address, request);
  expect(answer.status).toBe(status);
  expect(answer.head).toContain('application/problem+json');
  expect(answer.problem).toMatchObject({ type: `/problems/${code}`, status });
  expect(answer.problem.detail).toContain(detail);
});

it('ends a connection without a second answer where the first has begun', async () => {
  const { address } = await serveOnPort(services());
  const answer = await sendRaw(address, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n');
  expect(answer.status).toBe(200);
});

it('refuses a NUL character in the path and the query of every route', async () => {
  const { address } = await serveOnPort(services());
  const { paths } = await (await fetch(`${address}/openapi.json`)).json();
  const asked = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).flatMap((method) => [
      [method, `${path.replaceAll(/\{\w+\}/g, 'a')}?x=%00`],
      [method, path.replaceAll(/\{\w+\}/g, 'a%00b')],
    ]),
  );
  for (const [method, path] of asked.filter(([, path]) => path.includes('%00'))) {
    const problem = await problemOf(await fetch(address + path, { method: method.toUpperCase() }));
    if (path.includes('?'))
      expect(problem, `${method} ${path}`).toMatchObject({
        status: 400,
        detail: 'the query contains a NUL character (%00)',
      });
    else expect([400, 404], `${method} ${path}`).toContain(problem.status);
  }
});

it('looks for it once, however many question marks a query has', async () => {
  const { address } = await serveOnPort(services());
  const before = process.threadCpuUsage();
  for (let asked = 0; asked < 10; asked++)
    expect((await fetch(`${address}/healthz?${'?'.repeat(15_000)}`)).status).toBe(200);
  // A search from each of them to the end takes a third of a second a request.
  expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(1500);
});

it('refuses a NUL character in what is stored, and keeps no upload of it', async () => {
  const { address, uploads } = await serveOnPort(services());
  const reading = { dataset: 'pets', folder: undefined, labelColumn: 'a\0b' };
  const bodies: [string, object][] = [
    ['/v1/jobs', { ...reading, head: 'pets' }],
    ['/v1/datasets', { folder: 'pets', name: 'a\0b' }],
    ['/v1/datasets', { url: 'http://example.com/\0.zip' }],
  ];
  for (const [path, body] of bodies)
    expect((await problemOf(await sendJson(address + path, body))).detail).toContain('NUL character');
  for (const [path, file] of [
    ['/v1/jobs', 'file'],
    ['/v1/datasets', 'file'],
  ]) {
    const form = `--b\r\nContent-Disposition: form-data; name="${file}"; filename*=utf-8''a%00b.zip\r\n\r\nPK\r\n--b--\r\n`;
    const response = await fetch(address + path, {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
      body:
        path === '/v1/jobs'
          ? `--b\r\nContent-Disposition: form-data; name="head"\r\n\r\npets\r\n${form}`
          : form,
    });
    expect((await problemOf(response)).detail).toContain('NUL character');
  }
  const named = await sendForm(`${address}/v1/datasets`, { name: 'a\0b' });
  expect((await problemOf(named)).detail).toContain('NUL character');
  expect(await readdir(uploads)).toEqual([]);
});
