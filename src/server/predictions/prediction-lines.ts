import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Request, RequestHandler } from 'express';
import split2 from 'split2';
import { z } from 'zod';
import { errorTable, TandemError } from '../../errors.ts';
import { tooLarge } from '../body.ts';
import type { AppOptions } from '../options.ts';
import { describeProblem } from '../problems.ts';
import type { Services } from '../services.ts';
import {
  headReference,
  inputSchema,
  type PredictionLimits,
  readInput,
  standardTopK,
  topKSchema,
} from './prediction-request.ts';
import { withPictures } from './remote-pictures.ts';

/** Lines that are worked on at the same time: enough to fill the encoders' batches. */
const linesInFlight = 64;

/** What a stream says in its address, because its body is all lines. */
export const lineQuerySchema = z.strictObject({
  head: headReference.optional(),
  topK: z.coerce.number<string>().pipe(topKSchema).default(standardTopK),
});

export const lineMediaType = 'application/x-ndjson';

/**
 * Answers a body of JSON lines with a line each, in their order, while it still comes in: however many there are,
 * only a few are held. A bad line is its own error and nobody else's.
 */
export function answerLines(
  services: Services,
  { defaultHead, requestTimeout, maximumRequestBytes, metrics, fetchPicture }: AppOptions,
  limits: PredictionLimits,
): RequestHandler {
  return async (request, response) => {
    const { head = defaultHead, topK } = lineQuerySchema.parse(request.query);
    // An unknown head is the request's error, while one can still be sent as such.
    await services.head(head);
    const left = new AbortController();
    response.once('close', () => left.abort(new TandemError('deadline-exceeded', 'the caller has left')));
    const answerLine = async (line: string): Promise<object> => {
      const input =
        line.length > maximumRequestBytes ? tooLarge(maximumRequestBytes) : parseLine(line, limits);
      const late = AbortSignal.timeout(requestTimeout);
      const signal = AbortSignal.any([left.signal, late]);
      const { head: version, results } = await withPictures([input], fetchPicture, signal)
        .then(async ([complete]) =>
          complete instanceof TandemError
            ? { head: undefined, results: [complete] }
            : services.predict([complete], { head, topK, signal }),
        )
        .catch((error) => {
          if (left.signal.aborted) throw error;
          return { head: undefined, results: [ofLine(error, late, requestTimeout)] };
        });
      const [result] = results;
      const isError = result instanceof TandemError;
      if (version) metrics?.predicted(version.name, version.version, isError ? result.code : 'ok');
      return isError ? { error: describeProblem(result) } : result;
    };
    response.type(lineMediaType);
    const answers = linesOf(request, maximumRequestBytes).map(answerLine, { concurrency: linesInFlight });
    try {
      for await (const answer of answers)
        if (!response.write(`${JSON.stringify(answer)}\n`)) await once(response, 'drain', left);
      response.end();
    } catch (error) {
      if (left.signal.aborted) return;
      // split2 has no other mark for a line that does not end.
      const isEndless = error instanceof Error && error.message === 'maximum buffer reached';
      throw isEndless ? tooLarge(maximumRequestBytes) : error;
    }
  };
}

function linesOf(request: Request, maximumBytes: number): Readable {
  const lines = split2({ maxLength: maximumBytes });
  request.on('error', (error) => lines.destroy(error));
  return request.pipe(lines).filter((line: string) => line.trim() !== '');
}

function parseLine(line: string, limits: PredictionLimits) {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return new TandemError('invalid-request', `the line is not JSON: ${(error as Error).message}`);
  }
  const parsed = inputSchema.safeParse(value);
  if (parsed.success) return readInput(parsed.data, 'the line', limits);
  return new TandemError('invalid-request', z.prettifyError(parsed.error));
}

/** What one line failed of; what is not the line's to fail of is thrown. */
function ofLine(error: unknown, late: AbortSignal, milliseconds: number): TandemError {
  if (late.aborted) return new TandemError('deadline-exceeded', `no answer within ${milliseconds} ms`);
  if (error instanceof TandemError && errorTable[error.code].status < 500) return error;
  if (error instanceof TandemError && (error.code === 'overloaded' || error.code === 'out-of-memory'))
    return error;
  throw error;
}
