import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** How an object store behaves: it answers 500 instead of doing anything, or it answers late. */
export interface Misbehaviour {
  fails: boolean;
  /** Milliseconds before every answer. */
  delay: number;
}

/** Stands before an object store, and behaves as it is told. */
export async function misbehavingStore(endpoint: string) {
  const behaviour: Misbehaviour = { fails: false, delay: 0 };
  let failed = 0;
  const server = createServer(async (incoming, outgoing) => {
    await setTimeout(behaviour.delay);
    if (behaviour.fails) {
      failed++;
      incoming.resume();
      outgoing.writeHead(500).end();
      return;
    }
    const { method, url, headers } = incoming;
    const upstream = request(new URL(url!, endpoint), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    behaviour,
    /** How many requests it refused. */
    get failed() {
      return failed;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
