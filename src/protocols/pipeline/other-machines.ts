import type { RequestHandler } from 'express';
import { TandemError } from '../../errors.ts';
import { isLoopbackAddress } from '../../remote/address-range.ts';
import { type Access, hasKey } from './access.ts';

/** What proxies add: RFC 7239, RFC 9110 (`Via`), and what was common before. */
const proxyHeader = /^(forwarded|via|x-forwarded-.*|x-real-ip|cf-connecting-ip|true-client-ip)$/i;

/**
 * Refuses requests without a key that come from another machine, that a proxy passed on, or that call this machine by
 * another name than its own: a name of somebody's that leads here makes his page look like ours to a browser (DNS rebinding).
 * Passes on TandemError `forbidden`.
 * @example app.get('/v1/heads', refuseOtherMachines(access), answer)
 */
export function refuseOtherMachines(access: Access): RequestHandler<Record<string, string>> {
  return async (request, _response, next) => {
    const { hostname, socket, headers } = request;
    const sign =
      signOfAddress(socket.remoteAddress) ?? signOfProxy(Object.keys(headers)) ?? signOfName(hostname);
    if (sign) await requireKey(sign, request.get('Authorization'), access);
    next();
  };
}

/**
 * The same for a call over gRPC, which no page can make a browser send.
 * @param metadata names that came with the call
 * @throws TandemError `forbidden`
 */
export async function checkOtherMachine(
  metadata: readonly string[],
  authorization: string | undefined,
  access: Access,
): Promise<void> {
  const sign = signOfProxy(metadata);
  if (sign) await requireKey(sign, authorization, access);
}

async function requireKey(sign: string, authorization: string | undefined, access: Access): Promise<void> {
  if (await hasKey(authorization, access)) return;
  throw new TandemError('forbidden', `without a key this server answers for this machine alone, ${sign}`, {
    fix: 'Make a key (`keys create me --scope admin`) and send it, or let everyone in: `--anonymous everyone` (in code: `anonymous: "everyone"`).',
  });
}

/** Where this server listens itself it listens on loopback alone; an application that it is mounted in may not. */
function signOfAddress(address: string | undefined): string | undefined {
  return address === undefined || isLoopbackAddress(address) ? undefined : `not for ${address}`;
}

/** A proxy on this machine calls from loopback, wherever its own callers are. */
function signOfProxy(names: readonly string[]): string | undefined {
  const found = names.find((name) => proxyHeader.test(name));
  return found && `and a proxy passed this request on (header ${found})`;
}

function signOfName(name: string | undefined): string | undefined {
  return name === undefined || isThisMachine(name) ? undefined : `not for ${name}`;
}

function isThisMachine(name: string): boolean {
  const address = name.replace(/^\[(.*)\]$/, '$1');
  return isLoopbackAddress(address) || /(^|\.)localhost\.?$/i.test(name);
}
