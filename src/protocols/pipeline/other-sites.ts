import type { Request, RequestHandler } from 'express';
import { TandemError } from '../../errors.ts';
import { isLoopbackAddress } from '../../remote/address-range.ts';
import { type Access, secretIn } from './access.ts';

const harmless = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses what a page of another site makes a browser send without a key: it could start jobs and register heads on a
 * server that asks nobody for one. Passes on TandemError `forbidden`.
 * @example app.post('/v1/jobs', refuseOtherSites(access), answer)
 */
export function refuseOtherSites(access: Access): RequestHandler<Record<string, string>> {
  return async (request, _response, next) => {
    const site = request.get('Sec-Fetch-Site');
    const origin = request.get('Origin');
    // Browsers say both or, older ones, the origin alone; nobody else says either.
    const isOther = site
      ? site !== 'same-origin' && site !== 'none'
      : origin !== undefined && hostOf(origin) !== request.get('Host');
    if (isOther && !harmless.includes(request.method) && !(await sentKey(request, access)))
      throw new TandemError(
        'forbidden',
        `a page of another site (${origin ?? 'unnamed'}) asks for this without a key`,
      );
    next();
  };
}

/**
 * Refuses requests without a key that come from another machine, or call this one by another name than its own: a name of
 * somebody's that leads here makes his page look like ours to a browser (DNS rebinding). Passes on TandemError `forbidden`.
 * @example app.get('/v1/heads', refuseOtherMachines(access), answer)
 */
export function refuseOtherMachines(access: Access): RequestHandler<Record<string, string>> {
  return async (request, _response, next) => {
    const { hostname, socket } = request;
    const { remoteAddress } = socket;
    // Where this server listens itself it listens on loopback alone; an application that it is mounted in may not.
    if (remoteAddress !== undefined && !isLoopbackAddress(remoteAddress) && !(await sentKey(request, access)))
      throw new TandemError(
        'forbidden',
        `without a key this server answers for this machine alone, not for ${remoteAddress}; make a key (keys create), or open it with anonymous: everyone`,
      );
    if (hostname !== undefined && !isThisMachine(hostname) && !(await sentKey(request, access)))
      throw new TandemError(
        'forbidden',
        `without a key this server answers for this machine alone, not for ${hostname}; make a key (keys create), or start it with --anonymous everyone`,
      );
    next();
  };
}

/**
 * Whether a request has a key that counts: where nobody needs one any header is as good as none, and a page can make one
 * up. What has an unknown key is let through to be refused as that.
 */
async function sentKey(request: Request<Record<string, string>>, access: Access): Promise<boolean> {
  const secret = secretIn(request.get('Authorization'));
  return secret !== undefined && (await access(secret)) !== 'open';
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function isThisMachine(name: string): boolean {
  const address = name.replace(/^\[(.*)\]$/, '$1');
  return isLoopbackAddress(address) || /(^|\.)localhost\.?$/i.test(name);
}
