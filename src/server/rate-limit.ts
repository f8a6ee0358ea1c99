import { hash } from 'node:crypto';
import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { TandemError } from '../errors.ts';
import { secretIn } from './access.ts';

/**
 * Limits how often a caller asks: one is whoever has the same key, or comes from the same address without one. What
 * is left is said in the headers RateLimit and RateLimit-Policy.
 * The handler throws TandemError `rate-limited`.
 */
export function limitRate(requestsPerMinute: number): RequestHandler<Record<string, string>> {
  const limit: RequestHandler = rateLimit({
    windowMs: 60_000,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator(request) {
      const secret = secretIn(request.get('Authorization'));
      return secret ? `key ${hash('sha256', secret)}` : ipKeyGenerator(request.ip ?? 'unknown');
    },
    handler(request, _response, next) {
      const { resetTime } = (request as typeof request & { rateLimit: { resetTime?: Date } }).rateLimit;
      const retryAfter = resetTime ? (resetTime.getTime() - Date.now()) / 1000 : 60;
      next(
        new TandemError('rate-limited', `more than ${requestsPerMinute} requests within a minute`, {
          retryAfter,
        }),
      );
    },
  });
  return limit as RequestHandler<Record<string, string>>;
}
