import type { RequestHandler } from 'express';
import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { type Scope, scopes } from '../../store/keys.ts';
import { readJson } from '../http/json-body.ts';
import { problemResponses } from '../http/problem-responses.ts';
import type { Route } from '../http/route.ts';
import { type Access, secretIn } from '../pipeline/access.ts';
import type { AppOptions } from '../pipeline/options.ts';
import { isFromOtherSite } from '../pipeline/other-sites.ts';
import { clearCookie, setCookie, tokenIn } from './session-cookie.ts';

const example = { needsKey: true, scope: 'train', key: 'shop', expiresAt: '2026-01-31T12:00:00.000Z' };
const sessionSchema = z
  .object({
    needsKey: z.boolean().meta({ description: 'Whether callers need a key at all.' }),
    scope: z
      .enum(scopes)
      .optional()
      .meta({ description: 'What this caller may do; omitted of one who must sign in first.' }),
    key: z.string().optional().meta({ description: 'Name of the key that was signed in with.' }),
    expiresAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Session', example });
type SessionAnswer = z.infer<typeof sessionSchema>;
const sessionResponse = (description: string) => ({
  '200': { description, content: { 'application/json': { schema: sessionSchema } } },
});
const signInSchema = z
  .strictObject({ key: z.string().min(1).max(200).meta({ description: 'The key’s secret.' }) })
  .meta({ id: 'SignIn', example: { key: 'tandem_…' } });

/** `/v1/session`: how a browser signs in with a key, once. */
export function sessionRoutes(options: AppOptions, access: Access): Route[] {
  return [readSession(options, access), signIn(options), signOut(options)];
}

function readSession({ sessions }: AppOptions, access: Access): Route {
  return {
    method: 'get',
    path: '/v1/session',
    operation: {
      operationId: 'readSession',
      summary: 'What this caller may do, and whether a key is needed',
      responses: { ...sessionResponse('The session.'), ...problemResponses() },
    },
    handlers: [
      async (request, response) => {
        const secret = secretIn(request.get('Authorization'));
        const scope = await access(secret);
        const session = secret === undefined ? undefined : await sessions?.find(secret);
        const answer: SessionAnswer = {
          needsKey: (await access(undefined)) !== 'open',
          ...(scope && { scope: scope === 'open' ? 'admin' : scope }),
          ...(session && { key: session.key, expiresAt: session.expiresAt }),
        };
        response.set('Cache-Control', 'no-store').json(answer);
      },
    ],
  };
}

function signIn({ sessions, rateLimit }: AppOptions): Route {
  const begin: RequestHandler = async (request, response) => {
    const session = await sessions?.begin(signInSchema.parse(request.body).key);
    if (!session) throw new TandemError('unauthorized', 'the key is unknown or revoked');
    const { token, scope, key, expiresAt } = session;
    response.locals.key = key;
    setCookie(response, token, expiresAt);
    const answer = { needsKey: true, scope, key, expiresAt } satisfies SessionAnswer & { scope: Scope };
    response.set('Cache-Control', 'no-store').json(answer);
  };
  return {
    method: 'post',
    path: '/v1/session',
    operation: {
      operationId: 'signIn',
      summary: 'Sign a browser in with a key',
      description:
        'The answer sets a cookie that stands for the key in requests of this server’s own pages: no script can read it, and no other site can use it. The session ends after 12 hours, when it is signed out, and when its key is revoked.',
      requestBody: { required: true, content: { 'application/json': { schema: signInSchema } } },
      responses: {
        ...sessionResponse('Signed in.'),
        ...problemResponses(
          'invalid-request',
          'unauthorized',
          'forbidden',
          'rate-limited',
          'payload-too-large',
          'unsupported-media-type',
        ),
      },
    },
    handlers: [
      refuseEveryOtherSite,
      ...(rateLimit ? [rateLimit.handler] : []),
      readJson(2 ** 12, 'invalid-request'),
      begin,
    ],
  };
}

function signOut({ sessions }: AppOptions): Route {
  return {
    method: 'delete',
    path: '/v1/session',
    operation: {
      operationId: 'signOut',
      summary: 'End the session of this browser',
      responses: {
        '204': { description: 'Signed out, or never signed in.' },
        ...problemResponses('forbidden'),
      },
    },
    handlers: [
      refuseEveryOtherSite,
      async (request, response) => {
        const token = tokenIn(request);
        if (token !== undefined) await sessions?.end(token);
        clearCookie(response);
        response.status(204).end();
      },
    ],
  };
}

/** A page of another site could sign its reader in with a key of its own, and see what he then does. */
const refuseEveryOtherSite: RequestHandler<Record<string, string>> = (request, _response, next) => {
  if (isFromOtherSite(request))
    throw new TandemError('forbidden', 'a page of another site asks for this', {
      fix: 'Sign in on a page of this server.',
    });
  next();
};
