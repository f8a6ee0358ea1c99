import { hash } from 'node:crypto';
import type { RequestHandler } from 'express';
import { ipKeyGenerator, MemoryStore, rateLimit } from 'express-rate-limit';
import { TandemError } from '../errors.ts';
import { secretIn } from './access.ts';

/** Who asks: whoever has the same key, or comes from the same address without one. */
function callerOf(authorization: string | undefined, address: string): string {
  const secret = secretIn(authorization);
  return secret ? `key ${hash('sha256', secret)}` : address;
}

/**
 * Limits how often a caller asks, over whatever protocol: requests over HTTP and calls over gRPC count together.
 * @example
 * const limit = new RateLimit(600);
 * app.use(limit.handler);
 * await limit.count(authorization, address);
 */
export class RateLimit {
  readonly #requestsPerMinute: number;
  readonly #store = new MemoryStore();
  /**
   * Counts a request over HTTP. What is left is said in the headers RateLimit and RateLimit-Policy. It throws
   * TandemError `rate-limited`.
   */
  readonly handler: RequestHandler<Record<string, string>>;

  constructor(requestsPerMinute: number) {
    this.#requestsPerMinute = requestsPerMinute;
    const handler: RequestHandler = rateLimit({
      windowMs: 60_000,
      limit: requestsPerMinute,
      store: this.#store,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      keyGenerator: (request) =>
        callerOf(request.get('Authorization'), ipKeyGenerator(request.ip ?? 'unknown')),
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
      callerOf(authorization, ipKeyGenerator(address)),
    );
    if (totalHits > this.#requestsPerMinute) throw this.#tooMany(resetTime);
  }

  #tooMany(resetTime: Date | undefined): TandemError {
    const retryAfter = resetTime ? (resetTime.getTime() - Date.now()) / 1000 : 60;
    const detail = `more than ${this.#requestsPerMinute} requests within a minute`;
    return new TandemError('rate-limited', detail, { retryAfter });
  }
}
