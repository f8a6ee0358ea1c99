import cors from 'cors';
import type { RequestHandler } from 'express';

/** Headers of an answer that a page may read beside those that every page may. */
const exposedHeaders = [
  'Location',
  'Retry-After',
  'X-Request-Id',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotency-Replayed',
  'Content-Disposition',
];

/**
 * Lets pages of other sites ask, by the CORS protocol; the preflight is answered here, before a key is looked for. A cookie
 * counts for nothing in their requests, so none are let through.
 * @param origins `https://shop.example.org`, or `*` for all
 * @example app.use(allowOrigins(['https://shop.example.org']));
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders,
    maxAge: 600,
  });
}
