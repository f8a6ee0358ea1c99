import { expect, it } from 'vitest';
import { errorTable, TandemError } from '../../../../src/errors.ts';
import { problemOf, sendForm, sendJson, serveOnPort, services } from '../../../unit/protocols/double.ts';

it('has a page with title, status and fix for every code', async () => {
  const { address } = await serveOnPort(services());
  for (const [code, { title, status, fix }] of Object.entries(errorTable)) {
    const response = await fetch(`${address}/problems/${code}`);
    expect(response.status).toBe(200);
    const page = await response.text();
    for (const part of [title, String(status), fix]) expect(page).toContain(part);
  }
});

it.each(['hunger', 'toString', '__proto__'])('has no page for %j', async (code) => {
  const { address } = await serveOnPort(services());
  expect((await problemOf(await fetch(`${address}/problems/${code}`))).code).toBe('not-found');
});

it('answers every code with its status, title and fix, as RFC 9457 wants it', async () => {
  for (const [code, { title, status, fix }] of Object.entries(errorTable)) {
    const items = [{ at: 'row 12', detail: 'no image' }];
    const heads = () =>
      Promise.reject(new TandemError(code as keyof typeof errorTable, 'it is so', { items }));
    const { address } = await serveOnPort(services({ heads }), { anyStatus: true });
    const response = await fetch(`${address}/v1/heads`);
    const instance = response.headers.get('X-Request-Id');
    expect(await response.json()).toEqual({
      type: `/problems/${code}`,
      title,
      status,
      detail: 'it is so',
      fix,
      instance,
      errors: items,
    });
    expect(response.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(response.status).toBe(status);
  }
});

it('says nothing of an unexpected error to the caller, and everything to the log', async () => {
  const heads = () => Promise.reject(new TypeError('secret at /etc/passwd'));
  const { address, logged } = await serveOnPort(services({ heads }));
  const response = await fetch(`${address}/v1/heads`);
  const text = await response.clone().text();
  expect(text).not.toMatch(/secret|passwd|TypeError|\.ts/);
  const { status, code, instance } = await problemOf(response);
  expect({ status, code }).toEqual({ status: 500, code: 'internal' });
  const line = logged()
    .split('\n')
    .find((line) => line.includes('secret at /etc/passwd'));
  expect(JSON.parse(line!)).toMatchObject({ id: instance, method: 'GET', path: '/v1/heads', level: 50 });
});

it('logs what only the operator can mend, and not what the caller did wrong', async () => {
  const heads = () => Promise.reject(new TandemError('damaged-artifact', 'head.onnx differs'));
  const { address, logged } = await serveOnPort(services({ heads }));
  await fetch(`${address}/v1/heads`);
  await fetch(`${address}/nowhere`);
  expect(logged()).toContain('head.onnx differs');
  expect(logged().match(/"level":50/g)).toHaveLength(1);
});

it('says in the log that the disk is full, where it is', async () => {
  const heads = () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
  const { address, logged } = await serveOnPort(services({ heads }));
  const problem = await problemOf(await fetch(`${address}/v1/heads`));
  expect(problem).toMatchObject({ status: 503, detail: 'the disk is full: no space left' });
  expect(logged()).toContain('The store cannot be reached or written to');
  expect(logged()).not.toContain('unexpected error');
});

it('knows no other address', async () => {
  const { address } = await serveOnPort(services());
  const problem = await problemOf(await fetch(`${address}/v1/nowhere?x=1`));
  expect(problem).toMatchObject({
    status: 404,
    code: 'not-found',
    detail: 'there is nothing at /v1/nowhere',
  });
});

it.each([
  ['GET', '/v1/predict', 'POST'],
  ['PUT', '/v1/jobs', 'POST, GET, HEAD'],
  ['POST', '/v1/jobs/a', 'GET, HEAD, DELETE'],
  ['DELETE', '/', 'GET, HEAD'],
  ['POST', '/openapi.json', 'GET, HEAD'],
])('does not take %s at %s', async (method, path, allow) => {
  const { address } = await serveOnPort(services());
  const response = await fetch(address + path, { method });
  expect(response.headers.get('Allow')).toBe(allow);
  expect(await problemOf(response)).toMatchObject({ status: 405, code: 'method-not-allowed' });
});

it.each([
  ['text/csv', 'a,b'],
  ['application/json; charset=latin1', '{}'],
  ['application/x-www-form-urlencoded', 'a=b'],
])('does not take %s', async (type, body) => {
  const { address } = await serveOnPort(services());
  for (const path of ['/v1/predict', '/v1/jobs']) {
    const response = await fetch(address + path, { method: 'POST', body, headers: { 'Content-Type': type } });
    expect(await problemOf(response)).toMatchObject({ status: 415, code: 'unsupported-media-type' });
  }
});

it.each([
  ['application/json', '{"inputs":', /not JSON/],
  ['application/json', '"text"', /must be an object, not a text/],
  ['multipart/form-data', 'x', /form cannot be read: Multipart: Boundary not found/],
  ['multipart/form-data; boundary=b', '--b\r\n', /form cannot be read/],
  [
    'multipart/form-data; boundary=b',
    '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello',
    /form cannot be read/,
  ],
])('calls a broken body of %s invalid', async (type, body, detail) => {
  const { address, logged } = await serveOnPort(services());
  const headers = { 'Content-Type': type };
  const problem = await problemOf(await fetch(`${address}/v1/predict`, { method: 'POST', body, headers }));
  expect(problem).toMatchObject({ status: 400, code: 'invalid-request' });
  expect(problem.detail).toMatch(detail);
  expect(logged()).not.toContain('unexpected error');
});

it('calls an address that is not well encoded invalid', async () => {
  const { address } = await serveOnPort(services());
  expect((await problemOf(await fetch(`${address}/v1/jobs/%E0%A4%A`))).code).toBe('invalid-request');
});

it('survives field names that touch the prototype', async () => {
  const { address } = await serveOnPort(services());
  const fields = { text: 'a', '__proto__[head]': 'x', constructor: 'y' };
  expect((await problemOf(await sendForm(`${address}/v1/predict`, fields))).code).toBe('invalid-request');
  const body = '{"inputs":[{"text":"a"}],"__proto__":{"head":"x"}}';
  const headers = { 'Content-Type': 'application/json' };
  await fetch(`${address}/v1/predict`, { method: 'POST', body, headers });
  expect(({} as { head?: string }).head).toBeUndefined();
  expect((await sendJson(`${address}/v1/predict`, { inputs: [{ text: 'a' }] })).status).toBe(200);
});

it('says in its description that a recipe may not fit, as a request for a job finds out', async () => {
  const { address } = await serveOnPort(services());
  const refused = await sendJson(`${address}/v1/jobs`, {
    head: 'a',
    dataset: 'pets',
    strategy: 'late',
    variance: 'entropy',
  });
  expect(await problemOf(refused)).toMatchObject({ status: 422, code: 'invalid-recipe' });
});

it('says in its description of /v2 that a content encoding may be unknown, and a head not fit', async () => {
  const predict = () =>
    Promise.reject(new TandemError('head-conflict', 'emoji@1 was trained on other features'));
  const { address } = await serveOnPort(services({ predict }));
  const body = { inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['a'] }] };
  const infer = `${address}/v2/models/emoji/infer`;
  expect((await problemOf(await sendJson(infer, body))).status).toBe(409);
  const packed = { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd' };
  expect((await problemOf(await sendJson(infer, body, { headers: packed }))).status).toBe(415);
});
