import type { RequestHandler, Response } from 'express';
import { TandemError } from '../../errors.ts';
import type { Scope } from '../../store/keys.ts';

/** Finds what a key's secret is allowed to do; `open` where callers need no key. */
export type Access = (secret: string | undefined) => Promise<Scope | 'open' | undefined>;

/** Who is let in where nothing is said: everybody. */
export const openAccess: Access = async () => 'open';

/** A scope includes those before it. */
const order = ['predict', 'train', 'admin', 'open'] as const;

/** The key's secret in a header (`Authorization: Bearer …`, RFC 6750). */
export function secretIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

/**
 * Whether a request has a key that counts: where nobody needs one any header is as good as none, and a page can make one
 * up. True of an unknown key where keys are needed, so that it is refused as that.
 */
export async function hasKey(authorization: string | undefined, access: Access): Promise<boolean> {
  const secret = secretIn(authorization);
  return secret !== undefined && (await access(secret)) !== 'open';
}

/**
 * Lets pass who has a key with a scope.
 * @throws TandemError `unauthorized` without a known key, `forbidden` where the key's scope is too small
 */
export async function checkScope(
  authorization: string | undefined,
  scope: Scope,
  access: Access,
): Promise<void> {
  const secret = secretIn(authorization);
  const granted = await access(secret);
  if (!granted)
    throw new TandemError(
      'unauthorized',
      secret ? 'the key is unknown or revoked' : 'the request has no key',
    );
  if (order.indexOf(granted) < order.indexOf(scope))
    throw new TandemError('forbidden', `this needs a key with the scope ${scope}; yours has ${granted}`);
}

/**
 * The same as a handler of requests.
 * @param nameOf finds a key's name, for the log
 */
export function requireScope(
  scope: Scope,
  access: Access,
  nameOf?: (secret: string) => Promise<string | undefined>,
): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    const secret = secretIn(request.get('Authorization'));
    if (secret !== undefined) response.locals.key = await nameOf?.(secret);
    await checkScope(request.get('Authorization'), scope, access).catch((error) => {
      if (error.code === 'unauthorized') response.set('WWW-Authenticate', 'Bearer');
      throw error;
    });
    next();
  };
}

/** The name of the key that a request came with; undefined where it had none, or names are not asked for. */
export function keyName({ locals }: Response): string | undefined {
  return typeof locals.key === 'string' ? locals.key : undefined;
}
