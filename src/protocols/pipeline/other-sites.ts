import type { Request, RequestHandler } from 'express';
import { TandemError } from '../../errors.ts';
import { type Access, hasKey } from './access.ts';

const harmless = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses what a page of another site makes a browser send without a key: it could start jobs and register heads on a
 * server that asks nobody for one. Passes on TandemError `forbidden`.
 * @param allowed origins of sites that need none; `*`, which lets pages of all sites ask, is not among them
 * @example app.post('/v1/jobs', refuseOtherSites(access), answer)
 */
export function refuseOtherSites(
  access: Access,
  allowed: readonly string[] = [],
): RequestHandler<Record<string, string>> {
  return async (request, _response, next) => {
    const origin = request.get('Origin');
    if (
      isFromOtherSite(request) &&
      !(origin !== undefined && allowed.includes(origin)) &&
      !harmless.includes(request.method) &&
      !(await hasKey(request.get('Authorization'), access))
    )
      throw new TandemError(
        'forbidden',
        `a page of another site (${origin ?? 'unnamed'}) asks for this without a key`,
      );
    next();
  };
}

/** Whether a page of another site, or of another port of this one, made a browser send a request. */
export function isFromOtherSite(request: Pick<Request, 'get'>): boolean {
  const site = request.get('Sec-Fetch-Site');
  const origin = request.get('Origin');
  // Browsers say both or, older ones, the origin alone; nobody else says either.
  return site
    ? site !== 'same-origin' && site !== 'none'
    : origin !== undefined && hostOf(origin) !== request.get('Host');
}

/**
 * Whether a cookie may count in a request: only a page of this very server can have made a browser send it, or, of
 * what changes nothing, a person who followed a link or typed an address.
 */
export function isOwnPage(request: Pick<Request, 'get' | 'method'>): boolean {
  if (isFromOtherSite(request)) return false;
  if (harmless.includes(request.method)) return true;
  const site = request.get('Sec-Fetch-Site');
  return site ? site === 'same-origin' : request.get('Origin') !== undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
