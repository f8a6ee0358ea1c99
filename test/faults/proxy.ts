import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** Bytes that one direction of a connection holds before it stops reading. */
const mostHeld = 2 ** 20;

/** What arrived from one side and is due at the other. */
interface Delivery {
  /** Milliseconds of `performance.now()`. */
  due: number;
  /** Bytes, or how the connection ended. */
  content: Buffer | 'end' | 'reset';
}

/**
 * A TCP proxy on loopback that hangs, delays, resets and refuses. Faults hold until `restore`.
 * @example
 * await using link = await FaultProxy.to({ host: '127.0.0.1', port: 5432 });
 * link.hang();
 * await link.restore();
 */
export class FaultProxy implements AsyncDisposable {
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #port = 0;
  #delay = 0;
  #hung = Promise.withResolvers<void>();
  #isHung = false;
  #accepted = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#hung.resolve();
  }

  /** Starts a proxy that forwards to an address. */
  static async to(target: { host: string; port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.#listen();
    return proxy;
  }

  /** Where it listens on 127.0.0.1; it stays the same after `refuse` and `restore`. */
  get port(): number {
    return this.#port;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** How many connections were accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Accepts connections and holds all bytes and ends, both ways, of existing connections as well. */
  hang(): void {
    if (this.#isHung) return;
    this.#isHung = true;
    this.#hung = Promise.withResolvers();
  }

  /** Delivers everything so many milliseconds later, each way. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** Ends all existing connections with a TCP reset, at both sides. New ones work. */
  reset(): void {
    for (const pair of this.#pairs) pair.reset();
  }

  /** Refuses new connections. Existing ones stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    // It stops listening at once; its `close` event waits for the connections.
    server?.close();
  }

  /** Ends every fault. What was held is delivered. */
  async restore(): Promise<void> {
    this.#delay = 0;
    this.#isHung = false;
    this.#hung.resolve();
    if (!this.#server) await this.#listen();
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    await this.refuse();
    this.reset();
    this.#hung.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  #accept(near: Socket): void {
    this.#accepted++;
    const far = connect({ ...this.#target, allowHalfOpen: true });
    const pair = new Pair(near, far, {
      due: () => performance.now() + this.#delay,
      passable: () => this.#hung.promise,
    });
    this.#pairs.add(pair);
    void pair.closed.then(() => this.#pairs.delete(pair));
  }
}

interface Passage {
  due(): number;
  /** Resolves once bytes may pass. */
  passable(): Promise<void>;
}

/** One connection through the proxy. */
class Pair {
  readonly #sides: readonly [Socket, Socket];
  readonly closed: Promise<unknown>;

  constructor(near: Socket, far: Socket, passage: Passage) {
    this.#sides = [near, far];
    for (const side of this.#sides) side.setNoDelay(true);
    this.closed = Promise.all(
      this.#sides.map((side) => new Promise((resolve) => side.once('close', resolve))),
    );
    forward(near, far, passage);
    forward(far, near, passage);
  }

  reset(): void {
    for (const side of this.#sides) resetOne(side);
  }
}

/** A socket that is not connected yet cannot be reset. */
function resetOne(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** Delivers what comes from one side to the other, in order. */
function forward(from: Socket, to: Socket, { due, passable }: Passage): void {
  const queue: Delivery[] = [];
  let held = 0;
  let isDelivering = false;
  const deliver = async () => {
    if (isDelivering) return;
    isDelivering = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      await setTimeout(Math.max(0, next.due - performance.now()));
      await passable();
      if (to.destroyed) continue;
      if (next.content === 'end') to.end();
      else if (next.content === 'reset') resetOne(to);
      else {
        held -= next.content.length;
        if (!to.write(next.content))
          await new Promise((resolve) => {
            to.once('drain', resolve);
            to.once('close', resolve);
          });
        if (held < mostHeld) from.resume();
      }
    }
    isDelivering = false;
  };
  const take = (content: Delivery['content']) => {
    queue.push({ due: due(), content });
    void deliver();
  };
  from.on('data', (bytes) => {
    held += bytes.length;
    if (held >= mostHeld) from.pause();
    take(bytes);
  });
  from.on('end', () => take('end'));
  from.on('error', () => take('reset'));
}
