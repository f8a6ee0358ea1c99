import type { RequestHandler } from 'express';
import { ipKeyGenerator, MemoryStore, rateLimit } from 'express-rate-limit';
import { TandemError } from '../../errors.ts';
import { hashOfSecret } from '../../store/keys.ts';
import { type Access, secretIn } from './access.ts';

/**
 * Limits how often a caller asks, over whatever protocol: requests over HTTP and calls over gRPC count together.
 * @example
 * const limit = new RateLimit(600, access);
 * app.use(limit.handler);
 * await limit.count(authorization, address);
 */
export class RateLimit {
  readonly #requestsPerMinute: number;
  readonly #access: Access;
  readonly #keyHashOf: (secret: string) => Promise<string | undefined>;
  readonly #store = new MemoryStore();
  /**
   * Counts a request over HTTP. What is left is said in the headers RateLimit and RateLimit-Policy. It throws
   * TandemError `rate-limited`.
   */
  readonly handler: RequestHandler<Record<string, string>>;

  /** @param keyHashOf sha256 of the key that a session was begun with, by the session's token */
  constructor(
    requestsPerMinute: number,
    access: Access,
    keyHashOf: (secret: string) => Promise<string | undefined> = async () => undefined,
  ) {
    this.#requestsPerMinute = requestsPerMinute;
    this.#access = access;
    this.#keyHashOf = keyHashOf;
    const handler: RequestHandler = rateLimit({
      windowMs: 60_000,
      limit: requestsPerMinute,
      store: this.#store,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      keyGenerator: (request) =>
        this.#callerOf(request.get('Authorization'), ipKeyGenerator(request.ip ?? 'unknown')),
      handler: (request, _response, next) => {
        const { resetTime } = (request as typeof request & { rateLimit: { resetTime?: Date } }).rateLimit;
        next(this.#tooMany(resetTime));
      },
    });
    this.handler = handler as RequestHandler<Record<string, string>>;
  }

  /**
   * Counts a call that came another way.
   * @param address that it came from
   * @throws TandemError `rate-limited`
   */
  async count(authorization: string | undefined, address: string): Promise<void> {
    const { totalHits, resetTime } = await this.#store.increment(
      await this.#callerOf(authorization, ipKeyGenerator(address)),
    );
    if (totalHits > this.#requestsPerMinute) throw this.#tooMany(resetTime);
  }

  /** Callers with the same valid key, sessions of it among them, or from the same address, count as one. */
  async #callerOf(authorization: string | undefined, address: string): Promise<string> {
    const secret = secretIn(authorization);
    const granted = secret && (await this.#access(secret));
    if (!granted || granted === 'open') return address;
    return `key ${(await this.#keyHashOf(secret)) ?? hashOfSecret(secret)}`;
  }

  #tooMany(resetTime: Date | undefined): TandemError {
    const retryAfter = resetTime ? (resetTime.getTime() - Date.now()) / 1000 : 60;
    const detail = `more than ${this.#requestsPerMinute} requests within a minute`;
    return new TandemError('rate-limited', detail, { retryAfter });
  }
}
