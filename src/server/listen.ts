import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { TandemError } from '../errors.ts';

export interface ListeningServer {
  /** `http://127.0.0.1:8080`. */
  address: string;
  /** Takes no new requests and waits for the open ones, then cuts off what is left. */
  close(): Promise<void>;
}

/** Open requests may take this long once the server is told to stop, in milliseconds. */
const drainTime = 10_000;

/**
 * Starts to listen.
 * @throws TandemError `invalid-configuration` where the address is taken or not ours, saying what to type instead
 */
export async function listen(
  app: Express,
  { host, port }: { host: string; port: number },
): Promise<ListeningServer> {
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is taken; choose another with --port, or --port 0 for any free one`
          : `cannot listen on ${host} port ${port}: ${error.message}`;
      reject(new TandemError('invalid-configuration', reason, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const { address, family, port: chosen } = server.address() as AddressInfo;
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${chosen}`,
    async close() {
      const cutOff = setTimeout(() => server.closeAllConnections(), drainTime);
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(cutOff);
    },
  };
}
