import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { problemOf, serveOnPort, services } from '../../unit/protocols/double.ts';

const json = { 'Content-Type': 'application/json' };
const million = 10 ** 6;

/** What takes JSON. */
const takers: [method: string, path: string][] = [
  ['POST', '/v1/predict'],
  ['POST', '/v1/embeddings'],
  ['POST', '/v2/models/emoji/infer'],
  ['POST', '/v2/models/emoji/versions/3/infer'],
  ['POST', '/v1/jobs'],
  ['POST', '/v1/datasets'],
  ['PUT', '/v1/heads/pets/aliases/production'],
];

async function send(
  address: string,
  [method, path]: (typeof takers)[number],
  packed: Uint8Array<ArrayBuffer>,
) {
  const headers = { ...json, 'Content-Encoding': 'gzip' };
  const started = performance.now();
  const response = await fetch(address + path, { method, body: packed, headers });
  const text = await response.clone().text();
  const seconds = (performance.now() - started) / 1000;
  return { problem: await problemOf(response), length: text.length, seconds };
}

const pack = (text: string) => new Uint8Array(gzipSync(text, { level: 1 }));
const attacks = new Map([
  ['elements', pack(`{"inputs":[${'1,'.repeat(9.9 * million)}1]}`)],
  ['objects', pack(`{"inputs":[${'{},'.repeat(6 * million)}{}]}`)],
  ['unknown fields', pack(`{${Array.from({ length: million }, (_, index) => `"${index}":1`).join(',')}}`)],
  ['levels', pack(`{"inputs":${'['.repeat(9 * million)}`)],
]);

it.each(takers.flatMap((taker) => [...attacks.keys()].map((name) => [...taker, name] as const)))(
  'is refused before it is parsed: %s %s, millions of %s',
  async (method, path, name) => {
    const { address } = await serveOnPort(services(), { maximumRequestBytes: 20 * 2 ** 20 });
    const { problem, length, seconds } = await send(address, [method, path], attacks.get(name)!);
    expect([400, 413]).toContain(problem.status);
    expect(length).toBeLessThan(10_000);
    // It took 8 to 14 s where it did not end the process.
    expect(seconds).toBeLessThan(3);
  },
);

it.each(takers)('names the first of many unknown fields, and cuts long names: %s %s', async (...taker) => {
  const { address } = await serveOnPort(services(), { maximumRequestBytes: 2 ** 20 });
  const many = `{${Array.from({ length: 300 }, (_, index) => `"field${index}":1`).join(',')}}`;
  const { problem, length } = await send(address, taker, pack(many));
  expect(problem.status).toBe(400);
  expect(problem.errors.length).toBeLessThanOrEqual(22);
  expect(length).toBeLessThan(10_000);
  const long = await send(address, taker, pack(`{"${'x'.repeat(3000)}":1}`));
  expect(long.length).toBeLessThan(6000);
});

it('echoes no long value whole', async () => {
  const { address } = await serveOnPort(services(), { maximumRequestBytes: 2 ** 21 });
  const long = 'x'.repeat(million);
  const bodies: [string, object][] = [
    ['/v1/embeddings', { input: 'a', model: long }],
    ['/v1/predict', { inputs: [{ text: 'a' }], head: long }],
    ['/v2/models/emoji/infer', { inputs: [{ name: long, datatype: 'BYTES', shape: [1], data: ['a'] }] }],
    [
      '/v2/models/emoji/infer',
      { id: long, inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['a'] }] },
    ],
  ];
  for (const [path, body] of bodies) {
    const response = await fetch(address + path, {
      method: 'POST',
      headers: json,
      body: JSON.stringify(body),
    });
    expect((await response.text()).length, path).toBeLessThan(6000);
    expect(response.status).toBe(400);
  }
});

it('takes as many numbers as the features of the most items have', async () => {
  const { address } = await serveOnPort(services(), { maximumRequestBytes: 2 ** 20 });
  const data = new Array(64 * 1280).fill(0.5);
  const body = JSON.stringify({
    inputs: [{ name: 'image_features', datatype: 'FP32', shape: [64, 1280], data }],
  });
  const answer = await fetch(`${address}/v2/models/emoji/infer`, { method: 'POST', headers: json, body });
  // The double's features have 3 values: what matters is that the numbers were read.
  expect((await problemOf(answer)).detail).toContain('has 1280 values an item');
});

it('refuses a body that unpacks to far more than was sent, and says so', async () => {
  const { address } = await serveOnPort(services(), { maximumRequestBytes: 20 * 2 ** 20 });
  const { problem } = await send(
    address,
    takers[0],
    pack(`{"inputs":[{"text":"${'x'.repeat(10 * million)}"}]}`),
  );
  expect(problem).toMatchObject({
    code: 'payload-too-large',
    detail: 'the body unpacks to more than 100 times the bytes that were sent',
  });
});
