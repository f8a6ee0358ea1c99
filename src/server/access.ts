import type { Request, RequestHandler } from 'express';
import { TandemError } from '../errors.ts';
import type { Scope } from '../store/keys.ts';

/** Finds what a key's secret is allowed to do; `open` where callers need no key. */
export type Access = (secret: string | undefined) => Promise<Scope | 'open' | undefined>;

/** A scope includes those before it. */
const order = ['predict', 'train', 'admin', 'open'] as const;

/** The key's secret that a request brings (`Authorization: Bearer …`, RFC 6750). */
export function secretOf(request: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '')?.[1];
}

/**
 * Lets only those pass whose key has a scope.
 * The handler throws TandemError `unauthorized` without a known key, `forbidden` where the key's scope is too small.
 */
export function requireScope(scope: Scope, access: Access): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    const secret = secretOf(request as Request);
    const granted = await access(secret);
    if (!granted) {
      response.set('WWW-Authenticate', 'Bearer');
      throw new TandemError(
        'unauthorized',
        secret ? 'the key is unknown or revoked' : 'the request has no key',
      );
    }
    if (order.indexOf(granted) < order.indexOf(scope))
      throw new TandemError('forbidden', `this needs a key with the scope ${scope}; yours has ${granted}`);
    next();
  };
}
