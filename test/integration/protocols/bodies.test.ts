import { randomBytes } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { problemOf, serveOnPort, services } from '../../unit/protocols/double.ts';

const maximumRequestBytes = 2 ** 16;
const form = { 'Content-Type': 'multipart/form-data; boundary=b' };
const json = { 'Content-Type': 'application/json' };
const openForm = '--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n';

/** Everything that takes a body, and how a body of its kind begins. */
const takers: [path: string, headers: Record<string, string>, start: string][] = [
  ['/v1/predict', json, '{"inputs":[{"text":"'],
  ['/v1/predict', form, openForm],
  ['/v1/embeddings', json, '{"input":"'],
  ['/v2/models/emoji/infer', json, '{"id":"'],
];

function post(address: string, path: string, headers: Record<string, string | number>) {
  const request = send(`${address}${path}`, { method: 'POST', headers });
  request.on('error', () => {});
  const answer = new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
  return { request, answer };
}

async function codeOf(answer: Promise<IncomingMessage>): Promise<string> {
  return JSON.parse(await text(await answer)).type;
}

/** Sends for as long as somebody reads. */
function sendOn(request: ClientRequest): { bytes(): number; closed: Promise<void> } {
  let bytes = 0;
  const piece = 'x'.repeat(2 ** 14);
  const timer = setInterval(() => {
    if (request.write(piece)) bytes += piece.length;
  }, 20);
  const closed = new Promise<void>((resolve) =>
    request.once('close', () => {
      clearInterval(timer);
      resolve();
    }),
  );
  return { bytes: () => bytes, closed };
}

describe('a body that is too large', () => {
  it('is cut off where it goes on at full speed', async () => {
    const { address } = await serveOnPort(services(), { maximumRequestBytes });
    const { request, answer } = post(address, '/v1/predict', { ...json, 'Transfer-Encoding': 'chunked' });
    const closed = new Promise<void>((resolve) => request.once('close', () => resolve()));
    let bytes = 0;
    const piece = 'x'.repeat(2 ** 20);
    const flood = () => {
      bytes += piece.length;
      if (bytes < 2 ** 30 && !request.destroyed) request.write(piece, () => setImmediate(flood));
    };
    flood();
    expect(await codeOf(answer)).toBe('/problems/payload-too-large');
    await closed;
    expect(bytes).toBeLessThan(2 ** 27);
  });

  it.each(takers)(
    'is refused while it still comes, and is not read to its end: %s %j',
    async (path, headers, start) => {
      const { address } = await serveOnPort(services(), { maximumRequestBytes });
      const { request, answer } = post(address, path, { ...headers, 'Transfer-Encoding': 'chunked' });
      request.write(start);
      const sending = sendOn(request);
      expect(await codeOf(answer)).toBe('/problems/payload-too-large');
      await sending.closed;
    },
  );

  it.each(takers)('is refused by its length before any of it comes: %s %j', async (path, headers, start) => {
    const { address } = await serveOnPort(services(), { maximumRequestBytes });
    const { request, answer } = post(address, path, { ...headers, 'Content-Length': 2 ** 30 });
    request.write(start);
    expect(await codeOf(answer)).toBe('/problems/payload-too-large');
    request.destroy();
  });

  it.each(takers)('is not asked for where its sender waits to be: %s %j', async (path, headers) => {
    const { address } = await serveOnPort(services(), { maximumRequestBytes });
    const { request, answer } = post(address, path, {
      ...headers,
      'Content-Length': 2 ** 30,
      Expect: '100-continue',
    });
    let isInvited = false;
    request.on('continue', () => {
      isInvited = true;
    });
    request.flushHeaders();
    expect(await codeOf(answer)).toBe('/problems/payload-too-large');
    expect(isInvited).toBe(false);
    request.destroy();
  });
});

it.each([
  ['/v1/predict', json, '{"inputs":[{"text":"a"}]}'],
  ['/v1/predict', form, '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n--b--\r\n'],
  ['/v1/predict', { 'Content-Type': 'application/x-ndjson' }, '{"text":"a"}'],
])('asks for a body whose sender waits to be: %s %j', async (path, headers, body) => {
  const { address } = await serveOnPort(services());
  const { request, answer } = post(address, path, {
    ...(headers as Record<string, string>),
    'Content-Length': body.length,
    Expect: '100-continue',
  });
  request.on('continue', () => request.end(body));
  request.flushHeaders();
  expect((await answer).statusCode).toBe(200);
});

describe('a compressed body', () => {
  const sendPacked = async (
    headers: Record<string, string>,
    body: BodyInit,
    maximum = maximumRequestBytes,
  ) => {
    const { address } = await serveOnPort(services(), { maximumRequestBytes: maximum });
    return fetch(`${address}/v1/predict`, { method: 'POST', body, headers });
  };
  const gzip = { ...json, 'Content-Encoding': 'gzip' };
  const inputs = (text: string) => JSON.stringify({ inputs: [{ text }] });

  it('is unpacked where it is JSON', async () => {
    expect((await sendPacked(gzip, new Uint8Array(gzipSync(inputs('a'))))).status).toBe(200);
  });

  it('counts as large as it becomes', async () => {
    const packed = new Uint8Array(gzipSync(inputs('x'.repeat(2 * maximumRequestBytes))));
    expect(packed.length).toBeLessThan(maximumRequestBytes);
    expect(await problemOf(await sendPacked(gzip, packed))).toMatchObject({ code: 'payload-too-large' });
  });

  it.each(['/v1/predict', '/v2/models/emoji/infer'])(
    'outlives neither its refusal nor its sender: %s',
    { timeout: 20_000 },
    async (path) => {
      const { address } = await serveOnPort(services(), { maximumRequestBytes });
      const packed = gzipSync(randomBytes(2 ** 21).toString('hex'));
      for (const type of ['application/json', 'application/x-ndjson']) {
        const headers = { 'Content-Type': type, 'Content-Encoding': 'gzip', 'Transfer-Encoding': 'chunked' };
        const { request, answer } = post(address, path, headers);
        request.write(packed.subarray(0, 2 ** 20));
        expect(await codeOf(answer)).toBe('/problems/payload-too-large');
        // The server ends it after a moment.
        await new Promise((resolve) => request.once('close', resolve));
        const leaving = post(address, path, headers);
        leaving.request.write(packed.subarray(0, 2 ** 10));
        await sleep(50);
        leaving.request.destroy();
      }
      await sleep(100);
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
    },
  );

  it.each(['constructor', '__proto__', 'zstd'])(
    'in an encoding that nobody knows is refused: %s',
    async (encoding) => {
      const response = await sendPacked({ ...json, 'Content-Encoding': encoding }, inputs('a'));
      expect(await problemOf(response)).toMatchObject({ code: 'unsupported-media-type' });
    },
  );

  it('is refused where it is not what it says, and where it is a form', async () => {
    expect(await problemOf(await sendPacked(gzip, inputs('a')))).toMatchObject({ code: 'invalid-request' });
    const packedForm = { ...form, 'Content-Encoding': 'gzip' };
    expect(await problemOf(await sendPacked(packedForm, new Uint8Array(gzipSync('--b--'))))).toMatchObject({
      code: 'unsupported-media-type',
    });
  });
});

it('refuses JSON that is not in UTF-8 by its charset', async () => {
  const { address } = await serveOnPort(services());
  const response = await fetch(`${address}/v1/predict`, {
    method: 'POST',
    body: '{}',
    headers: { 'Content-Type': 'application/json; charset=utf-16' },
  });
  expect(await problemOf(response)).toMatchObject({
    code: 'unsupported-media-type',
    detail: expect.stringContaining('utf-16'),
  });
});
