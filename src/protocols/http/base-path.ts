import type { Request, RequestHandler } from 'express';

/** A path that links may begin with: `/tandem`. */
const pathPattern = /^(\/[\w.~-]+)+$/;

/**
 * Finds the path below which callers reach this server, behind a proxy: the one that a trusted proxy says
 * (X-Forwarded-Prefix), else the setting. The proxy may take it away or pass it on.
 * @param basePath empty where there is none
 * @example app.use(readBasePath('/tandem'));
 */
export function readBasePath(basePath: string): RequestHandler {
  return (request, response, next) => {
    const isTrusted: (address: string | undefined, hop: number) => boolean =
      request.app.get('trust proxy fn');
    const forwarded = request.get('X-Forwarded-Prefix')?.replace(/\/$/, '');
    const isForwarded = forwarded !== undefined && isTrusted(request.socket.remoteAddress, 0);
    const base = isForwarded && pathPattern.test(forwarded) ? forwarded : basePath;
    response.locals.basePath = base;
    if (base !== '' && /^([/?]|$)/.test(request.url.slice(base.length)) && request.url.startsWith(base))
      request.url = request.url.slice(base.length).replace(/^(?!\/)/, '/');
    next();
  };
}

/**
 * What the address of a link to this server begins with, for this caller; empty where that is nothing.
 * @example response.location(`${basePathOf(request)}/v1/jobs/${id}`)
 */
export function basePathOf({ res, baseUrl }: Pick<Request, 'res' | 'baseUrl'>): string {
  return `${res?.locals.basePath ?? ''}${baseUrl}`;
}
