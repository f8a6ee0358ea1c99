import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds between two looks at whether a server is ready. */
const probeInterval = 200;

/**
 * A balancer as a cluster has one: it asks every server's `/readyz`, sends requests in turn to those that are ready,
 * keeps connections open, and sends no request twice.
 * @param addresses of the servers, `http://127.0.0.1:8080`
 */
export async function startBalancer(addresses: readonly string[]) {
  const ready = new Set<string>();
  const agent = new Agent({ keepAlive: true });
  const probe = async (address: string) => {
    const isReady = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(2000) }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (isReady) ready.add(address);
    else ready.delete(address);
  };
  const probeAll = () => Promise.all(addresses.map(probe));
  await probeAll();
  const probing = setInterval(probeAll, probeInterval);
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const targets = [...ready];
    const target = targets[turn++ % targets.length];
    const fail = (status: number) => {
      if (!outgoing.headersSent) outgoing.writeHead(status);
      outgoing.end();
    };
    if (target === undefined) return fail(503);
    const { method, url, headers } = incoming;
    const upstream = request(new URL(url!, target), { method, headers, agent }, (answer) => {
      const { connection: _, ...others } = answer.headers;
      outgoing.writeHead(answer.statusCode!, others);
      answer.pipe(outgoing);
    });
    upstream.on('error', () => fail(502));
    incoming.pipe(upstream);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    /** The servers that requests go to now. */
    ready,
    [Symbol.dispose]() {
      clearInterval(probing);
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
