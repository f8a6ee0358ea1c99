import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { folderWith } from '../../unit/datasets/sample.ts';
import { open } from './open-tandem.ts';

it('finishes the calls that it took, refuses those that come later, and frees everything after them', async () => {
  const { tandem } = await open();
  const texts = ['a slice of pizza', 'a red bike', 'rain and thunder', 'a violin'];
  const predicted = tandem.predict(
    texts.map((text) => ({ text })),
    { topK: 1 },
  );
  const kept = tandem.keys.create('shop', 'predict');
  let isOver = false;
  void predicted.then(() => {
    isOver = true;
  });
  const closed = tandem.close();
  await expect(tandem.heads.list()).rejects.toMatchObject({ code: 'closed' });
  await expect(tandem.keys.list()).rejects.toMatchObject({ code: 'closed' });
  await closed;
  expect(isOver).toBe(true);
  expect((await predicted).results.every((result) => 'labels' in result)).toBe(true);
  expect(await kept).toMatchObject({ name: 'shop' });
});

it('closes a server that was about to listen', async () => {
  const { tandem } = await open();
  const listening = tandem.listen({ port: 0 });
  await tandem.close();
  const { address } = await listening;
  await expect(fetch(address)).rejects.toThrow();
});

it('answers the requests that its handler took before it frees what they need', async () => {
  const { tandem } = await open();
  const handler = await tandem.handler();
  const server = createServer(handler).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const arrived = once(server, 'request');
  const body = JSON.stringify({
    inputs: Array.from({ length: 40 }, (_, item) => ({ text: `bike ${item}` })),
  });
  const headers = { 'Content-Type': 'application/json' };
  const answered = fetch(`http://127.0.0.1:${port}/v1/predict`, { method: 'POST', headers, body });
  await arrived;
  await tandem.close();
  const response = await answered;
  expect(response.status).toBe(200);
  expect((await response.json()).results).toHaveLength(40);
});

it('ends the events of a job that goes on', async () => {
  const { data, tandem } = await open();
  const { join } = await import('node:path');
  const { cp } = await import('node:fs/promises');
  const rows = Array.from({ length: 20 }, (_, row) => `${row},number ${row},${row % 2 ? 'odd' : 'even'}`);
  const folder = await folderWith({ 'metadata.csv': ['id,text,label', ...rows].join('\n') });
  await cp(folder, join(data, 'datasets', 'numbers'), { recursive: true });
  const { id } = await tandem.jobs.submit({
    work: { head: 'numbers', seed: 0 },
    source: { dataset: 'numbers' },
  });
  const states: string[] = [];
  const following = (async () => {
    for await (const { job } of tandem.jobs.events(id)) states.push(job.state);
  })();
  await expect.poll(() => states).toContain('running');
  await tandem.close();
  await following;
  expect(states).not.toContain('succeeded');
});
