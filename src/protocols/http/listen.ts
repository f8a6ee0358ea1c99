import { createServer, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import type { Express } from 'express';
import { TandemError } from '../../errors.ts';
import { answerUnparsed } from './malformed-requests.ts';
import { endUnfinishedBodies } from './unfinished-bodies.ts';
import { endUnreadAnswers } from './unread-answers.ts';

/** Milliseconds that open requests and calls may take once the server is told to stop, by default. */
export const usualDrainTime = 10_000;

export interface ListenOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** Milliseconds that open requests may take once the server is told to stop; default: 10 s. */
  drainTime?: number;
  /**
   * Milliseconds without a byte, or with too few, after which a body that is not complete is given up, and without any after
   * which an answer is that nobody reads; 60 s by default.
   */
  stallTime?: number;
  /** Bytes a second that a body must come with at least, over that time; default: 500. */
  slowest?: number;
  /** Most bytes that are written and not read, of all answers together; 256 MiB by default. */
  mostUnread?: number;
}

export interface ListeningServer {
  /** `http://127.0.0.1:8080`. */
  address: string;
  /** Takes no new requests and waits for the open ones, then cuts off what is left. */
  close(): Promise<void>;
}

/**
 * Starts to listen.
 * @throws TandemError `invalid-configuration` where the address is taken or not ours, saying what to type instead
 * @example
 * const server = await listen(app, { host: '127.0.0.1', port: 8080 });
 * process.once('SIGTERM', () => server.close());
 */
export async function listen(
  app: Express,
  {
    host,
    port,
    drainTime = usualDrainTime,
    stallTime = 60_000,
    slowest = 500,
    mostUnread = 2 ** 28,
  }: ListenOptions,
): Promise<ListeningServer> {
  // Left to `refuseMalformed`, whose answer is a problem.
  const server = createServer({ requireHostHeader: false }, app);
  answerUnparsed(server);
  endUnfinishedBodies(server, { stallTime, slowest });
  endUnreadAnswers(server, { mostUnread });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(cannotListen(error, { what: 'listen', host, port, flag: '--port' })),
    );
    server.listen(port, host, resolve);
  });
  const { address, family, port: chosen } = server.address() as AddressInfo;
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${chosen}`,
    async close() {
      const cutOff = setTimeout(() => server.closeAllConnections(), drainTime);
      sayGoodbye(server);
      // Unlike the HTTP server's own, this leaves connections open that have no request at the moment: one may be on
      // its way, and would be lost.
      const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
      const sweep = setInterval(() => server.closeIdleConnections(), goodbyeTime);
      await closed;
      clearTimeout(cutOff);
      clearInterval(sweep);
    },
  };
}

/** What to type where a server cannot listen. */
export function cannotListen(
  error: NodeJS.ErrnoException,
  { what, host, port, flag }: { what: string; host: string; port: number; flag: string },
): TandemError {
  const reason =
    error.code === 'EADDRINUSE'
      ? `port ${port} on ${host} is taken; choose another with ${flag}, or ${flag} 0 for any free one`
      : `cannot ${what} on ${host} port ${port}: ${error.message}`;
  return new TandemError('invalid-configuration', reason, { cause: error });
}

/**
 * How long a connection may have no request before a stop ends it, in milliseconds. A caller on a busy machine may take as
 * long to send its next one.
 */
const goodbyeTime = 1000;

/** From now on every answer tells its caller that the connection ends with it. */
function sayGoodbye(server: Server): void {
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
}
