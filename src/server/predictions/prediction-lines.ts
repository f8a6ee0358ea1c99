import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { errorTable, TandemError } from '../../errors.ts';
import { tooLarge } from '../body.ts';
import type { AppOptions } from '../options.ts';
import { describeProblem } from '../problems.ts';
import type { Services } from '../services.ts';
import { linesOf } from './lines.ts';
import { predictAndCount } from './outcomes.ts';
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
      const [answer] = await withPictures([input], {
        fetchPicture,
        maximumBytes: maximumRequestBytes,
        signal,
      })
        .then(async (complete) => {
          const { answers } = await predictAndCount(services, metrics, complete, { head, topK, signal });
          return answers;
        })
        .catch((error) => {
          if (left.signal.aborted) throw error;
          return [ofLine(error, late, requestTimeout)];
        });
      return answer instanceof TandemError ? { error: describeProblem(answer) } : answer;
    };
    response.type(lineMediaType);
    const lines = Readable.from(linesOf(request, maximumRequestBytes));
    const answers = lines.map(answerLine, { concurrency: linesInFlight });
    try {
      for await (const answer of answers)
        if (!response.write(`${JSON.stringify(answer)}\n`))
          await once(response, 'drain', { signal: left.signal });
      response.end();
    } catch (error) {
      if (!left.signal.aborted) throw error;
    }
  };
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
