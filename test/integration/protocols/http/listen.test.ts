import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { expect, it } from 'vitest';
import { listen } from '../../../../src/protocols/http/listen.ts';
import { prediction, sendForm, serveOnPort, services } from '../../../unit/protocols/double.ts';

it('says what to type where the port is taken', async () => {
  const { address } = await serveOnPort(services());
  const port = Number(new URL(address).port);
  await expect(listen(express(), { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringMatching(new RegExp(`port ${port} on 127.0.0.1 is taken.*--port`)),
  });
});

it('says which address is not its own', async () => {
  await expect(listen(express(), { host: '203.0.113.1', port: 0 })).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringContaining('203.0.113.1'),
  });
});

const hasLoopbackIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
it.skipIf(!hasLoopbackIpv6)('writes an IPv6 address so that it can be called', async () => {
  const server = await listen(express(), { host: '::1', port: 0 });
  expect(server.address).toMatch(/^http:\/\/\[::1\]:\d+$/);
  await server.close();
});

function slowServices(milliseconds: number) {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const predict: ReturnType<typeof services>['predict'] = async (inputs) => {
    resolve();
    await sleep(milliseconds);
    return { head: { name: 'emoji', version: 1 }, results: inputs.map(() => prediction) };
  };
  return { double: services({ predict }), asked };
}

it('finishes open requests when it closes, takes no new ones, and does not wait for idle connections', async () => {
  const { double, asked } = slowServices(300);
  const { address, close } = await serveOnPort(double, { drainTime: 20_000 });
  const open = sendForm(`${address}/v1/predict`, { text: 'a' });
  await asked;
  const started = performance.now();
  const closed = close();
  await expect(fetch(`${address}/healthz`)).rejects.toThrow();
  expect((await open).status).toBe(200);
  await closed;
  expect(performance.now() - started).toBeLessThan(10_000);
});

it('cuts off what is still open after its limit', async () => {
  const { double, asked } = slowServices(60_000);
  const { address, close } = await serveOnPort(double, { drainTime: 100 });
  const open = sendForm(`${address}/v1/predict`, { text: 'a' });
  const cut = expect(open).rejects.toThrow();
  await asked;
  await close();
  await cut;
});

function send(address: string, text: string): { socket: Socket; received: () => string } {
  const { hostname, port } = new URL(address);
  let all = '';
  const socket = connect(Number(port), hostname);
  socket.on('data', (data) => {
    all += data;
  });
  socket.on('error', () => {});
  socket.write(text);
  return { socket, received: () => all };
}

const body = JSON.stringify({ inputs: [{ text: 'a cat' }] });
const head = `POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;

it('gives up a body that stalls', async () => {
  const { address } = await serveOnPort(services(), { stallTime: 100 });
  const { socket } = send(address, head + body.slice(0, 5));
  await expect.poll(() => socket.closed).toBe(true);
});

it('gives up a body that comes a byte at a time', async () => {
  const { address } = await serveOnPort(services(), { stallTime: 300 });
  const { socket } = send(address, head);
  const trickle = setInterval(() => socket.write('['), 50);
  await expect.poll(() => socket.closed).toBe(true);
  clearInterval(trickle);
});

it('takes a body that comes slowly but steadily, longer than a stall may last', async () => {
  const { address } = await serveOnPort(services(), { stallTime: 3000, slowest: 2 });
  const { socket, received } = send(address, head);
  for (const character of body) {
    socket.write(character);
    await sleep(120);
  }
  await expect.poll(received).toContain('HTTP/1.1 200');
  socket.destroy();
});

it('lets a stream wait whose lines are not read yet, longer than a stall may last', async () => {
  const { double } = slowServices(3000);
  const { address } = await serveOnPort(double, { stallTime: 1000 });
  const lines = '{"text":"a"}\n'.repeat(30_000);
  const start = 'POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n';
  const { socket, received } = send(address, `${start}Content-Length: ${lines.length + 1}\r\n\r\n${lines}`);
  await expect.poll(received).toContain('"cat"');
  socket.destroy();
});

it('lets a request that is complete wait for its answer longer than a stall may last', async () => {
  const { double } = slowServices(500);
  double.heads = () => sleep(500, { heads: [], damaged: [], total: 0 });
  const { address } = await serveOnPort(double, { stallTime: 100 });
  expect((await sendForm(`${address}/v1/predict`, { text: 'a' })).status).toBe(200);
  expect((await fetch(`${address}/v1/heads`)).status).toBe(200);
});
