import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/**
 * A proxy on the loopback, for http by whole addresses and for https by CONNECT. It alone knows where names lead to.
 */
export class ForwardProxy implements AsyncDisposable {
  /** What it was asked for, as `GET http://…` or `CONNECT host:port`. */
  readonly asked: string[] = [];
  /** Requests must carry these, where they are set: `user:password`. */
  credentials?: string;
  /** It takes requests, and answers none. */
  isSilent = false;
  readonly #server: Server;
  readonly #ports: Readonly<Record<string, number>>;
  readonly #sockets = new Set<Socket>();

  /** @param ports where each host leads to on the loopback */
  private constructor(ports: Readonly<Record<string, number>>) {
    this.#ports = ports;
    this.#server = createServer((incoming, response) => {
      const { host, pathname, search } = new URL(incoming.url ?? '');
      const status = this.#refusal(incoming, host);
      if (status !== undefined) return void (status > 0 && response.writeHead(status).end());
      const { method, headers } = incoming;
      request(
        { port: this.#ports[host], method, headers, path: pathname + search, agent: false },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      ).end();
    });
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    this.#server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
      const { url: host = '' } = incoming;
      const status = this.#refusal(incoming, host);
      if (status !== undefined) return void (status > 0 && socket.end(`HTTP/1.1 ${status} Refused\r\n\r\n`));
      const target = connect(this.#ports[host] ?? 0, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        target.pipe(socket).pipe(target);
      });
      endTogether(socket, target);
    });
  }

  static async start(ports: Readonly<Record<string, number>>): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(ports);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
  }

  /** The status that refuses a request, 0 where nothing is to be answered; undefined where it is let through. */
  #refusal({ method, url, headers }: IncomingMessage, host: string): number | undefined {
    this.asked.push(`${method} ${url}`);
    if (this.isSilent) return 0;
    const expected = this.credentials && `Basic ${Buffer.from(this.credentials).toString('base64')}`;
    if (expected && headers['proxy-authorization'] !== expected) return 407;
    return this.#ports[host] === undefined ? 502 : undefined;
  }
}

/** Where one of two sockets breaks off, so does the other. */
export function endTogether(...sockets: Socket[]): void {
  for (const socket of sockets)
    socket.on('error', () => {
      for (const each of sockets) each.destroy();
    });
}
