import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import { type Duplex, duplexPair, Readable } from 'node:stream';

const connectors = new Map<string, () => Duplex>();
/** The port that the last address names, and nobody listens on; 80 would be left out of an origin. */
let lastPort = 1023;

/** An application that only `fetch` and `connect` of this file find. */
export interface UnheardApp {
  /** `http://localhost:1024` */
  address: string;
  /** Ends its connections. */
  close(): Promise<void>;
}

/**
 * Lets Node's HTTP server read and answer requests that come over streams in memory instead of sockets.
 * @example
 * const { address } = withoutPort(app);
 * expect((await fetch(`${address}/healthz`)).status).toBe(200);
 */
export function withoutPort(app: RequestListener): UnheardApp {
  const server = createServer({ requireHostHeader: false }, app);
  const open = new Set<Duplex>();
  const address = `http://localhost:${++lastPort}`;
  connectors.set(address, () => {
    const [here, there] = duplexPair();
    Object.assign(there, { remoteAddress: '127.0.0.1' });
    for (const [side, other] of [
      [here, there],
      [there, here],
    ] as const)
      side.once('close', () => other.destroy()).on('error', () => {});
    open.add(there);
    there.once('close', () => open.delete(there));
    server.emit('connection', there);
    return here;
  });
  return {
    address,
    async close() {
      connectors.delete(address);
      for (const connection of open) connection.destroy();
    },
  };
}

/** A connection of its own to an application. */
export function connect(address: string): Duplex {
  const connector = connectors.get(new URL(address).origin);
  if (!connector) throw new Error(`no application answers at ${address}`);
  return connector();
}

/** The global `fetch`, which finds applications without a port as well, as far as tests need it of these. */
export async function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const asked = new Request(input, init);
  if (!connectors.has(new URL(asked.url).origin)) return globalThis.fetch(input, init);
  asked.signal.throwIfAborted();
  const isStream = init?.body instanceof ReadableStream || Symbol.asyncIterator in Object(init?.body);
  const whole = isStream ? undefined : Buffer.from(await asked.arrayBuffer());
  const answer = Promise.withResolvers<IncomingMessage>();
  const sent = request(asked.url, {
    method: asked.method,
    headers: {
      ...{ accept: '*/*', connection: 'keep-alive', 'sec-fetch-mode': 'cors' },
      ...Object.fromEntries(asked.headers),
      ...(whole && asked.body !== null && { 'content-length': whole.length }),
    },
    signal: asked.signal,
    createConnection: () => connect(asked.url),
  });
  sent.once('response', answer.resolve);
  sent.on('error', (error) =>
    answer.reject(
      asked.signal.aborted ? asked.signal.reason : new TypeError('fetch failed', { cause: error }),
    ),
  );
  if (whole) sent.end(whole);
  else Readable.from(asked.body ?? []).pipe(sent);
  return responseOf(await answer.promise);
}

function responseOf(message: IncomingMessage): Response {
  const { statusCode: status = 0, statusMessage: statusText, socket } = message;
  message.once('end', () => socket.destroy());
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct))
    for (const value of values) headers.append(name, value);
  const hasNone = [204, 205, 304].includes(status);
  if (hasNone) message.resume();
  const body = hasNone ? null : (Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>);
  return new Response(body, { status, statusText, headers });
}
