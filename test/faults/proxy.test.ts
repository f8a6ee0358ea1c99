import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { FaultProxy } from './proxy.ts';

/** Milliseconds without an answer that count as none. */
const silence = 200;

/** A server that says back what it is told, and a proxy before it. */
async function echo() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const link = await FaultProxy.to({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  onTestFinished(async () => {
    await link.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { link, sockets };
}

async function dial({ port }: FaultProxy): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function ask(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  let heard = '';
  while (heard.length < words.length) heard += (await once(socket, 'data'))[0];
  return heard;
}

const answerOrSilence = (answer: Promise<string>) => Promise.race([answer, setTimeout(silence, 'nothing')]);

it('passes bytes and ends both ways', async () => {
  const { link } = await echo();
  const socket = await dial(link);
  expect(await ask(socket, 'hello')).toBe('hello');
  const large = 'x'.repeat(5_000_000);
  expect((await ask(socket, large)).length).toBe(large.length);
  socket.end();
  await once(socket, 'end');
  await expect.poll(() => link.connections).toBe(0);
});

it('hangs existing and new connections, and delivers what it held afterwards', async () => {
  const { link } = await echo();
  const before = await dial(link);
  expect(await ask(before, 'hello')).toBe('hello');
  link.hang();
  const during = await dial(link);
  const answers = [ask(before, 'one'), ask(during, 'two')];
  for (const answer of answers) expect(await answerOrSilence(answer)).toBe('nothing');
  await link.restore();
  expect(await Promise.all(answers)).toEqual(['one', 'two']);
});

it('holds the end of a connection while it hangs', async () => {
  const { link, sockets } = await echo();
  const socket = await dial(link);
  await ask(socket, 'hello');
  link.hang();
  socket.destroy();
  await setTimeout(silence);
  expect(sockets.size).toBe(1);
  await link.restore();
  await expect.poll(() => sockets.size).toBe(0);
});

it('delays what it delivers', async () => {
  const { link } = await echo();
  const socket = await dial(link);
  link.delay(150);
  const began = performance.now();
  expect(await ask(socket, 'hello')).toBe('hello');
  // Both ways; timers may fire a millisecond early.
  expect(performance.now() - began).toBeGreaterThan(2 * 150 - 5);
});

it('resets existing connections and accepts new ones', async () => {
  const { link, sockets } = await echo();
  const socket = await dial(link);
  await ask(socket, 'hello');
  const failed = once(socket, 'error');
  link.reset();
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(() => sockets.size).toBe(0);
  expect(await ask(await dial(link), 'again')).toBe('again');
});

it('refuses new connections, keeps existing ones, and accepts again on the same port', async () => {
  const { link } = await echo();
  const socket = await dial(link);
  await ask(socket, 'hello');
  const { port } = link;
  await link.refuse();
  await expect(dial(link)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(await ask(socket, 'still')).toBe('still');
  await link.restore();
  expect(link.port).toBe(port);
  expect(await ask(await dial(link), 'again')).toBe('again');
});
