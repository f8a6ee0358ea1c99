import { once } from 'node:events';
import express from 'express';
import { expect, it, onTestFinished } from 'vitest';
import { jsonWithList, sendJson } from '../../../../src/protocols/http/json-answer.ts';
import { departure } from '../../../../src/protocols/pipeline/deadline.ts';
import { connect, fetch, withoutPort } from '../without-port.ts';

/** Answers with a list of `count` rows of 10 kB, and counts those that were made. */
async function serveRows(count: number) {
  const made = { rows: 0, ended: 0 };
  const rows = function* () {
    for (let row = 0; row < count; row++) {
      made.rows++;
      yield { row, text: 'x'.repeat(10_000) };
    }
  };
  const app = express().get('/', async (_request, response) => {
    await sendJson(response, jsonWithList({ count }, 'rows', rows()), departure(response));
    made.ended++;
  });
  const server = withoutPort(app);
  onTestFinished(() => server.close());
  return { ...server, made };
}

it('sends what JSON.stringify would, with its length where it is short', async () => {
  const { address } = await serveRows(3);
  const response = await fetch(address);
  expect(response.headers.get('Content-Type')).toMatch(/^application\/json/);
  const text = await response.text();
  expect(Number(response.headers.get('Content-Length'))).toBe(text.length);
  expect(text).toBe(JSON.stringify(JSON.parse(text)));
  const long = await (await fetch((await serveRows(100)).address)).json();
  expect(long.rows.map(({ row }: { row: number }) => row)).toEqual(
    Array.from({ length: 100 }, (_, row) => row),
  );
  expect([...jsonWithList({}, 'rows', [])].join('')).toBe('{"rows":[]}');
});

it('makes no more of an answer than is read of it, and ends it when the reader leaves', async () => {
  const { address, made } = await serveRows(10_000);
  const socket = connect(address);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await expect.poll(() => made.rows).toBeGreaterThan(2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  // The streams take a few rows ahead, of 10,000.
  expect(made.rows).toBeLessThan(50);
  socket.destroy();
  await once(socket, 'close');
  await expect.poll(() => made.ended).toBe(1);
});

it('lets other requests have their turn while it is written', async () => {
  const { address } = await serveRows(20_000);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const response = await fetch(address);
  for await (const _ of response.body!);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});
