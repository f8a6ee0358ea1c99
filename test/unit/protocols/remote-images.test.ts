import { expect, it } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import { fetch, problemOf, sendForm, sendJson, serve, services } from './double.ts';

const imageUrl = 'https://example.org/cat.jpg';

async function start(fetchImage?: (address: string, signal: AbortSignal) => Promise<Uint8Array>) {
  const asked: unknown[] = [];
  const predict: ReturnType<typeof services>['predict'] = async (inputs, options) => {
    asked.push(...inputs);
    return services().predict(inputs, options);
  };
  const { address } = await serve(services({ predict }), {
    fetchImage,
    requestTimeout: 300,
    maximumRequestBytes: 2e6,
  });
  return { address: `${address}/v1/predict`, asked };
}

it('refuses addresses where fetching is off', async () => {
  const { address, asked } = await start();
  const refused = await problemOf(await sendForm(address, { imageUrl, text: 'a' }));
  expect(refused).toMatchObject({ status: 403, code: 'remote-disabled' });
  const { results } = await (await sendJson(address, { inputs: [{ imageUrl }, { text: 'a' }] })).json();
  expect(results.map(({ error }: { error?: { status: number } }) => error?.status)).toEqual([403, undefined]);
  expect(asked).toEqual([{ content: { text: 'a' } }]);
});

it('classifies what lies at an address, and names the one that cannot be had', async () => {
  const { address, asked } = await start(async (url) => {
    if (url !== imageUrl) throw new TandemError('remote-file', `${url}: it leads elsewhere`);
    return Buffer.from('cat');
  });
  const inputs = [{ imageUrl, text: 'a' }, { imageUrl: 'http://10.0.0.1/' }, { text: 'b' }];
  const { results } = await (await sendJson(address, { inputs })).json();
  expect(results.map(({ error }: { error?: { type: string } }) => error?.type)).toEqual([
    undefined,
    '/problems/remote-file',
    undefined,
  ]);
  expect(asked).toEqual([{ content: { image: Buffer.from('cat'), text: 'a' } }, { content: { text: 'b' } }]);
  const lines = await fetch(address, {
    method: 'POST',
    body: inputs.map((input) => JSON.stringify(input)).join('\n'),
    headers: { 'Content-Type': 'application/x-ndjson' },
  });
  const statuses = (await lines.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).error?.status);
  expect(statuses).toEqual([undefined, 422, undefined]);
});

it('takes an image only once', async () => {
  const { address } = await start(async () => Buffer.from('cat'));
  const both = await sendForm(address, { imageUrl, image: new Blob(['cat']) });
  expect(await problemOf(both)).toMatchObject({ status: 400, code: 'invalid-request' });
});

it('gives up with the request', async () => {
  const { address } = await start(
    (_url, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  expect(await problemOf(await sendForm(address, { imageUrl }))).toMatchObject({ status: 504 });
});

it('fetches so many bytes for one request and no more, a few images at a time', async () => {
  let running = 0;
  let most = 0;
  const { address, asked } = await start(async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    return Buffer.alloc(300_000);
  });
  const inputs = Array.from({ length: 20 }, () => ({ imageUrl }));
  const { results } = await (await sendJson(address, { inputs })).json();
  const refused = results.filter(({ error }: { error?: { type: string } }) =>
    error?.type.endsWith('remote-file'),
  );
  expect(asked.length * 300_000).toBeLessThanOrEqual(2e6);
  expect(refused.length).toBe(20 - asked.length);
  expect(asked.length).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(8);
});
