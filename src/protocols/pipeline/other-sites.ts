import type { RequestHandler } from 'express';
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
    const site = request.get('Sec-Fetch-Site');
    const origin = request.get('Origin');
    // Browsers say both or, older ones, the origin alone; nobody else says either.
    const isOther = site
      ? site !== 'same-origin' && site !== 'none'
      : origin !== undefined && hostOf(origin) !== request.get('Host');
    if (
      isOther &&
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

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
