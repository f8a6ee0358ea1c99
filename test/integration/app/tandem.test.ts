import { readdir } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { openTandem, type TandemSettings } from '../../../src/index.ts';
import { open } from './open-tandem.ts';

it('names every setting that is unknown or bad', async () => {
  const unknown = { prot: 1, grpc_port: 2 } as TandemSettings;
  await expect(openTandem(unknown)).rejects.toMatchObject({
    code: 'invalid-configuration',
    items: [{ at: 'prot' }, { at: 'grpc_port' }],
  });
  await expect(openTandem({ port: 70_000, maxQueue: 0 })).rejects.toMatchObject({
    code: 'invalid-configuration',
    items: [{ at: 'port' }, { at: 'maxQueue' }],
  });
});

it('lists heads where there is no encoder to load, and says so where one is needed', async () => {
  const { data, tandem } = await open();
  const { tandem: bare } = await open({ data, models: data });
  expect((await tandem.heads.list()).heads).toMatchObject([{ name: 'emoji', version: 1, aliases: [] }]);
  expect(await bare.heads.list()).toEqual({ heads: [], damaged: [] });
  await expect(bare.embed([{ modality: 'text', input: 'a red bike' }])).rejects.toMatchObject({
    code: 'unknown-encoder',
  });
});

it('predicts, keeps keys and data sets, and does nothing more once it is closed', async () => {
  const { tandem } = await open();
  const { results } = await tandem.predict([{ text: 'a slice of pizza with cheese' }, {}], { topK: 1 });
  expect(results).toMatchObject([{ labels: [{ label: 'food-drink' }] }, { code: 'empty-request' }]);
  const { id } = await tandem.keys.create('shop', 'predict');
  expect(await tandem.keys.list()).toMatchObject([{ id, name: 'shop' }]);
  expect(await tandem.datasets.list()).toEqual({ datasets: [], damaged: [], total: 0 });
  await expect(tandem.datasets.check('nowhere')).rejects.toMatchObject({ code: 'unknown-dataset' });
  await tandem.close();
  await expect(tandem.heads.list()).rejects.toMatchObject({ code: 'closed' });
});

it('answers on a port and without one, and locks the data folder from then on', async () => {
  const { data, tandem } = await open();
  const server = await tandem.listen({ port: 0 });
  const handler: RequestListener = await tandem.handler();
  const own = createServer(handler).listen(0, '127.0.0.1');
  onTestFinished(() => void own.close());
  await new Promise((resolve) => own.once('listening', resolve));
  const { port } = own.address() as AddressInfo;
  for (const address of [server.address, `http://127.0.0.1:${port}`]) {
    const response = await fetch(`${address}/v1/heads`);
    expect(await response.json()).toMatchObject({ heads: [{ name: 'emoji' }] });
  }
  const { tandem: other } = await open({ data });
  await expect(other.jobs.list({ offset: 0, limit: 1 })).rejects.toMatchObject({ code: 'data-in-use' });
  await server.close();
  await expect(fetch(server.address)).rejects.toThrow();
  expect(await tandem.jobs.list({ offset: 0, limit: 1 })).toEqual({ jobs: [], total: 0 });
});

it('is closed once: who closes it again waits for the first', async () => {
  const { tandem } = await open();
  await tandem.listen({ port: 0 });
  const begun = performance.now();
  const first = tandem.close(500);
  await tandem.close();
  expect(performance.now() - begun).toBeGreaterThan(450);
  await first;
});

it('leaves nothing of an export on the disk, whether it is read or not', async () => {
  const { data, tandem } = await open();
  const exports = [await tandem.heads.export('emoji'), await tandem.heads.export('emoji')] as const;
  expect((await text(exports[0].content)).length).toBeGreaterThan(100_000);
  exports[1].content.destroy();
  const files = () => readdir(path.join(data, 'scratch'), { recursive: true });
  await expect.poll(async () => (await files()).filter((name) => name.includes('work-'))).toEqual([]);
});
