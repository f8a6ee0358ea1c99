import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { expect, it, onTestFinished } from 'vitest';
import { listen } from '../../../../src/protocols/http/listen.ts';

const mebibyte = 2 ** 20;

async function serveBytes(bytes: number, options: { stallTime?: number; mostUnread?: number }) {
  const app = express().get('/', (_request, response) => void response.send(Buffer.alloc(bytes)));
  const server = await listen(app, { host: '127.0.0.1', port: 0, drainTime: 0, ...options });
  onTestFinished(() => server.close());
  return Number(new URL(server.address).port);
}

/** A caller who asks and reads only when told to. */
async function ask(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').pause();
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  return socket;
}

/** Bytes that come until the end, at a pace. */
async function readAll(socket: Socket, pause: number): Promise<number> {
  let bytes = 0;
  for await (const piece of socket) {
    bytes += piece.length;
    if (pause > 0) await sleep(pause);
  }
  return bytes;
}

it('ends an answer that nobody reads, and waits for a reader who is slow', async () => {
  const port = await serveBytes(50 * mebibyte, { stallTime: 500 });
  const [idle, slow] = await Promise.all([ask(port), ask(port)]);
  const reading = readAll(slow, 2);
  await sleep(2000);
  expect(await readAll(idle, 0).catch(() => 0)).toBeLessThan(50 * mebibyte);
  expect(await reading).toBeGreaterThan(50 * mebibyte);
});

it('ends the largest of the answers that are not read where they are too much together', async () => {
  const port = await serveBytes(20 * mebibyte, { mostUnread: 50 * mebibyte });
  const askers = await Promise.all(Array.from({ length: 5 }, () => ask(port)));
  await sleep(2500);
  const read = await Promise.all(askers.map((socket) => readAll(socket, 0).catch(() => 0)));
  const whole = read.filter((bytes) => bytes > 20 * mebibyte).length;
  expect(whole).toBeGreaterThan(0);
  expect(whole).toBeLessThan(4);
});
