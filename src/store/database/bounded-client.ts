import pg from 'pg';
import { storable } from './storable.ts';

/** Milliseconds until a connection that is not there yet counts as failed. */
export const connectTimeout = 5_000;
/** Milliseconds until a statement that is not answered counts as failed. */
const statementTimeout = 10_000;
/** The same for a wait for another process's change, which the server itself ends as well. */
const lockTimeout = 30_000;
/** Milliseconds after which the server ends a transaction whose client does nothing, and so its locks. */
const idleTransactionTimeout = 20_000;

type Callback = (error: Error | null | undefined, result?: unknown) => void;

/**
 * A connection whose every statement ends within a bound: 10 s, or 30 s where it waits for a lock. Then it is given up, as
 * one that a network has lost without a word. A connection that breaks while it works rejects its statements and ends
 * nothing else.
 */
class BoundedClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    // Its statements are rejected with the same error. Without a listener the process would end.
    this.on('error', () => {});
  }

  // biome-ignore lint/suspicious/noExplicitAny: as node-postgres declares its many forms
  override query(...given: any[]): any {
    const [statement, parameters] = given;
    const text: string = typeof statement === 'string' ? statement : (statement?.text ?? '');
    const bound = /^\s*select pg_advisory/i.test(text) ? lockTimeout : statementTimeout;
    const callback: unknown = given.at(-1);
    if (Array.isArray(parameters) && typeof callback !== 'function') storable(parameters);
    // A cursor is read at its caller's pace: Postgres itself bounds each step of it.
    // biome-ignore lint/suspicious/noExplicitAny: which form it is, only the caller knows
    if (typeof statement?.submit === 'function') return (super.query as any)(...given);
    const timer = setTimeout(() => this.#giveUp(bound), bound);
    const end = () => clearTimeout(timer);
    if (typeof callback === 'function')
      given[given.length - 1] = (...result: Parameters<Callback>) => {
        end();
        (callback as Callback)(...result);
      };
    try {
      // biome-ignore lint/suspicious/noExplicitAny: which form it is, only the caller knows
      const answer = (super.query as any)(...given);
      answer?.then(end, end);
      return answer;
    } catch (error) {
      end();
      throw error;
    }
  }

  #giveUp(bound: number): void {
    const error = new Error(`a statement was not answered for ${bound / 1000} s`);
    const { connection } = this as unknown as { connection: { stream: { destroy(error: Error): void } } };
    connection.stream.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
  }
}

/**
 * What every pool of connections to Postgres is made with: bounds for connecting and for each statement, and keepalive.
 * @param options what each session starts with, like `-c search_path=tandem`
 * @example const pool = new Pool({ ...boundedPool('-c search_path=tandem'), connectionString, max: 10 });
 */
export function boundedPool(options = '') {
  const session = {
    statement_timeout: lockTimeout,
    idle_in_transaction_session_timeout: idleTransactionTimeout,
    // Seconds: the server finds out within half a minute that a client is gone.
    tcp_keepalives_idle: 10,
    tcp_keepalives_interval: 5,
    tcp_keepalives_count: 3,
  };
  const bounds = Object.entries(session).map(([name, value]) => `-c ${name}=${value}`);
  return {
    Client: BoundedClient,
    options: [...bounds, options].join(' ').trim(),
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}
