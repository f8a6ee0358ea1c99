import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { hugePng } from '../huge-png.ts';
import { fixtures, type StartedServer, startServer } from './server.ts';

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bad-input-'));
  server = await startServer(folder);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  const response = await predict({ text: 'still here' });
  expect(response.status).toBe(200);
});

function predict(fields: {
  text?: string;
  image?: Uint8Array;
  [other: string]: string | Uint8Array | undefined;
}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined)
      body.set(name, typeof value === 'string' ? value : new Blob([Uint8Array.from(value)]));
  return fetch(`${server.address}/v1/predict`, { method: 'POST', body });
}

async function expectProblem(
  response: Response,
  status: number,
  code: string,
  detail: RegExp,
): Promise<void> {
  const problem = await response.json();
  expect(problem).toMatchObject({
    status,
    type: `/problems/${code}`,
    title: expect.any(String),
    fix: expect.any(String),
  });
  expect(problem.detail).toMatch(detail);
  expect(response.status).toBe(status);
  expect(response.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  expect((await fetch(`${server.address}${problem.type}`)).status).toBe(200);
}

it('an empty request', async () => {
  await expectProblem(
    await predict({ head: 'emoji' }),
    400,
    'empty-request',
    /neither image, text nor table/,
  );
});

it('a text of white space alone', async () => {
  await expectProblem(await predict({ text: ' \n ' }), 400, 'empty-request', /neither image, text nor table/);
});

it('a text of 1 MB', async () => {
  await expectProblem(
    await predict({ text: 'word '.repeat(200_000) }),
    413,
    'text-too-long',
    /1000000 characters, 100000/,
  );
});

it('an image that is none', async () => {
  await expectProblem(
    await predict({ image: Buffer.from('hello') }),
    422,
    'invalid-image',
    /not a JPEG, PNG, WebP, GIF, TIFF or AVIF/,
  );
});

it('a truncated JPEG', async () => {
  const whole = await readFile(path.join(fixtures, 'coffee.jpg'));
  await expectProblem(
    await predict({ image: whole.subarray(0, whole.length / 2) }),
    422,
    'invalid-image',
    /incomplete or damaged/,
  );
});

it('a PNG of 256 megapixels in few bytes', async () => {
  const bomb = hugePng(16_000, 16_000);
  expect(bomb.length).toBeLessThan(2 ** 20);
  await expectProblem(await predict({ image: bomb }), 413, 'image-too-large', /50 megapixels/);
});

it('an SVG', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  await expectProblem(await predict({ image: svg }), 422, 'invalid-image', /SVG/);
});

const onePixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } }).png();

it('an image of one pixel', async () => {
  await expectProblem(await predict({ image: await onePixel.toBuffer() }), 422, 'image-too-small', /1 by 1/);
});

it('a head that is not there', async () => {
  await expectProblem(await predict({ text: 'x', head: 'emojy' }), 404, 'unknown-head', /emojy.*emoji/);
});

it('a field that is not known, and one out of range', async () => {
  await expectProblem(await predict({ text: 'x', topk: '3' }), 400, 'invalid-request', /topk/);
  await expectProblem(await predict({ text: 'x', topK: '0' }), 400, 'invalid-request', /topK/);
});

it('a body that is not JSON, and one of another type', async () => {
  const send = (body: string, type: string) =>
    fetch(`${server.address}/v1/predict`, { method: 'POST', body, headers: { 'Content-Type': type } });
  await expectProblem(await send('{"inputs":', 'application/json'), 400, 'invalid-request', /not JSON/);
  await expectProblem(await send('[]', 'application/json'), 400, 'invalid-request', /must be an object/);
  await expectProblem(await send('a,b', 'text/csv'), 415, 'unsupported-media-type', /text\/csv/);
  await expectProblem(await send('--x', 'multipart/form-data; boundary=x'), 400, 'invalid-request', /form/i);
});

it('an address that is not there, and a method that it does not take', async () => {
  await expectProblem(await fetch(`${server.address}/v2/predict`), 404, 'not-found', /\/v2\/predict/);
  await expectProblem(await fetch(`${server.address}/v1/predict`), 405, 'method-not-allowed', /POST/);
});

it('a bad item in a batch is that item’s error and no other’s', async () => {
  const image = (await readFile(path.join(fixtures, 'cat.jpg'))).toString('base64');
  const inputs = [
    { image: image },
    { image: 'bm90IGEgcGljdHVyZQ==' },
    {},
    { image: '%%%' },
    { text: 'a dog' },
  ];
  const response = await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ inputs }),
  });
  expect(response.status).toBe(200);
  const { results } = await response.json();
  const codes = results.map((result: { error?: { type: string } }) => result.error?.type);
  expect(codes).toEqual([
    undefined,
    '/problems/invalid-image',
    '/problems/empty-request',
    '/problems/invalid-image',
    undefined,
  ]);
  expect(results[3].error.errors[0].at).toBe('inputs[3].image');
});
