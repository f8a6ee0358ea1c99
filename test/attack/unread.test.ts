import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whileAsked } from './answering.ts';
import { type Attack, AttackedServer } from './attacked-server.ts';
import { mostSoFar, underCeiling } from './ceiling.ts';
import { postJson } from './payloads/requests.ts';

/** Callers who ask at a time and read nothing. */
const callers = 40;
/** Milliseconds in which an answer that is read at last begins. */
const patience = 8000;

const letter = (index: number) => String.fromCharCode(97 + (index % 26));

/** Its answer has 17 MB. */
const list = postJson('/v1/embeddings', 'a large list', {
  input: Array.from({ length: 2048 }, (_, index) => letter(index)),
});
/** Its answer has 40 MB. */
const stream: Attack = {
  name: 'a stream of lines',
  method: 'POST',
  path: '/v1/predict',
  headers: { 'Content-Type': 'application/x-ndjson' },
  body: Buffer.from(Array.from({ length: 80_000 }, (_, index) => `{"text":"${letter(index)}"}\n`).join('')),
};

let server: AttackedServer;
beforeAll(async () => {
  server = await AttackedServer.start('--max-loop-delay', '0');
  // What is compiled, loaded and remembered once is no attack's doing.
  await server.send(list);
  await server.send({ ...stream, body: stream.body!.subarray(0, 2600) });
});
afterAll(async () => {
  console.log(mostSoFar());
  await server?.[Symbol.asyncDispose]();
});

/** Asks, and reads nothing of the answer. */
async function ask({ method, path, headers, body }: Attack): Promise<Socket> {
  const { hostname, port, host } = new URL(server.address);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => {});
  await once(socket, 'connect');
  const fields = Object.entries({ Host: host, ...headers, 'Content-Length': body!.length });
  const head = [`${method} ${path} HTTP/1.1`, ...fields.map((field) => field.join(': ')), '', ''];
  socket.write(head.join('\r\n'));
  socket.write(body!);
  return socket;
}

/** The first characters that come, if any do; then leaves. */
async function startOfAnswer(socket: Socket): Promise<string> {
  const come = once(socket.resume(), 'data', { signal: AbortSignal.timeout(patience) });
  const [piece] = await come.catch(() => ['']);
  socket.destroy();
  return piece.toString().slice(0, 12);
}

it.each([list, stream])(
  `holds little of $name for each of ${callers} callers who do not read`,
  async (attack) => {
    await server.settle();
    const { problem, silent, unanswered } = await underCeiling(server, () =>
      whileAsked(server.address, async () => {
        const sockets = await Promise.all(Array.from({ length: callers }, () => ask(attack)));
        // All that is asked for is remembered: what the server does for them, it does at once.
        await server.settle();
        const starts = await Promise.all(sockets.map(startOfAnswer));
        return { unanswered: starts.filter((start) => start !== 'HTTP/1.1 200') };
      }),
    );
    expect({ problem, silent, unanswered }).toEqual({ silent: [], unanswered: [] });
    // They have left.
    expect(await server.workLeft()).toBeLessThan(0.3);
  },
);
