import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { sha256OfFile, sha256OfJson } from '../../store/files/checksum.ts';
import type { IdempotentRequests } from '../../store/idempotent-requests.ts';
import { secretIn } from './access.ts';

/** Milliseconds after which a server says again that it is still at a request. */
const renewal = 20_000;

/** The header of requests, for the API's description. */
export const idempotencyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 characters of ASCII without spaces')
    .optional()
    .meta({
      description:
        'Names this request, so that it may be sent again where its answer was lost: for a day the same key with the same request gets the same answer, and nothing is done twice.',
      example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
    }),
});

/**
 * Does the work of a request once that came with an Idempotency-Key, however often it is sent; it stands behind what reads
 * the body. Only what succeeded is kept. `requestId` tells what stands behind it how to call what it makes, so that a server
 * that was killed before it answered leaves nothing to be made twice. Passes on TandemError `idempotency-mismatch` and `idempotency-in-progress`.
 * @param requests without them every request is a new one
 * @example handlers: [readUpload(options), once(options.idempotency), submit]
 */
export function once(requests: IdempotentRequests | undefined): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    const { 'Idempotency-Key': key } = idempotencyHeader.parse({
      'Idempotency-Key': request.get('Idempotency-Key'),
    });
    if (key === undefined || !requests) return next();
    const begun = await begin(requests, key, request as Request).catch(async (error) => {
      await removeUpload(request as Request);
      throw error;
    });
    if ('answer' in begun) {
      await removeUpload(request as Request);
      const { status, location, body } = begun.answer;
      if (location !== undefined) response.location(location);
      response.status(status).set('Idempotency-Replayed', 'true').json(body);
      return;
    }
    response.locals.requestId = begun.id;
    const renewing = setInterval(() => void begun.renew().catch(() => {}), renewal).unref();
    const send = response.json.bind(response);
    response.json = (body) => {
      clearInterval(renewing);
      const { statusCode: status } = response;
      // Kept before it is sent: a caller that has the answer gets the same one again.
      const kept = begun.finish({ status, location: response.get('Location'), body });
      void kept.catch(() => {}).then(() => send(body));
      return response;
    };
    // A caller who leaves is no failure: the work goes on, and its answer is what the next request gets.
    response.locals.onFailure = () => {
      clearInterval(renewing);
      void begun.drop().catch(() => {});
    };
    next();
  };
}

/** The id for what a request makes that came with an Idempotency-Key; undefined of others. */
export function requestId({ locals }: Response): string | undefined {
  return z.string().optional().parse(locals.requestId);
}

async function begin(requests: IdempotentRequests, key: string, request: Request) {
  const { method, originalUrl, body, file } = request;
  const content = file && [file.originalname, await sha256OfFile(file.path)];
  const fingerprint = sha256OfJson([method, originalUrl, body ?? null, content ?? null]);
  const caller = createHash('sha256')
    .update(secretIn(request.get('Authorization')) ?? '')
    .digest('hex');
  return requests.begin(caller, key, fingerprint);
}

async function removeUpload({ file }: Request): Promise<void> {
  if (file) await rm(file.path, { force: true });
}
