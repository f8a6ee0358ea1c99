import type { CookieOptions, Request, RequestHandler, Response } from 'express';
import { product } from '../../product.ts';
import { isToken } from '../../store/sessions.ts';
import { basePathOf } from '../http/base-path.ts';
import { isOwnPage } from '../pipeline/other-sites.ts';

const cookieName = `${product.command}_session`;

/**
 * Lets a session's cookie stand for a key, in requests that only a page of this server can have made a browser send: of
 * a page of another site the cookie counts for nothing, whatever the browser sends along. A key in the request comes first.
 * @example app.use(acceptCookie);
 */
export const acceptCookie: RequestHandler = (request, response, next) => {
  const token = request.get('Authorization') === undefined ? tokenIn(request) : undefined;
  if (token !== undefined && isOwnPage(request)) {
    // What stands behind asks for a secret, and knows tokens of sessions among them.
    request.headers.authorization = `Bearer ${token}`;
    response.vary('Cookie').set('Cross-Origin-Resource-Policy', 'same-origin');
  }
  next();
};

/** The token in a request's cookie; its last one where a browser sends several. */
export function tokenIn(request: Pick<Request, 'get'>): string | undefined {
  const pairs = (request.get('Cookie') ?? '').split(';').map((pair) => pair.trim().split('=', 2));
  const [, token = ''] = pairs.findLast(([name]) => name === cookieName) ?? [];
  return isToken(token) ? token : undefined;
}

/** Gives a browser the token of its session, where no script can read it and no other site can make it be sent. */
export function setCookie(response: Response, token: string, expiresAt: string): void {
  response.cookie(cookieName, token, { ...attributes(response), expires: new Date(expiresAt) });
}

/** Lets a browser forget its session. */
export function clearCookie(response: Response): void {
  response.clearCookie(cookieName, attributes(response));
}

function attributes({ req }: Response): CookieOptions {
  return { httpOnly: true, sameSite: 'strict', secure: req.secure, path: basePathOf(req) || '/' };
}
