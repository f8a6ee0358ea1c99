import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import pLimit from 'p-limit';
import { z } from 'zod';
import { type ErrorCode, errorTable, TandemError } from '../../../errors.ts';
import { itemAt } from '../../../indexing.ts';
import { TimeSlice } from '../../../time-slice.ts';
import { basePathOf } from '../../http/base-path.ts';
import { decompressed, inviteBody, tooLarge } from '../../http/body-bytes.ts';
import { drained } from '../../http/json-answer.ts';
import { type JsonLimits, JsonStructure } from '../../http/json-structure.ts';
import { linesOf } from '../../http/lines.ts';
import { departure, withDeadline } from '../../pipeline/deadline.ts';
import { describeFields } from '../../pipeline/field-errors.ts';
import type { AppOptions } from '../../pipeline/options.ts';
import { predictAndCount } from '../../pipeline/outcomes.ts';
import { headReference } from '../../pipeline/path-names.ts';
import type { ReadInput } from '../../pipeline/read-input.ts';
import { withImages } from '../../pipeline/remote-images.ts';
import type { Services } from '../../pipeline/services.ts';
import { explainOptionsOf, explainTexts, mostExplainedLines } from './explanation-request.ts';
import { identified } from './identified-answer.ts';
import {
  type ItemId,
  inputSchema,
  itemId,
  type PredictionLimits,
  readInput,
  standardTopK,
  topKSchema,
} from './prediction-request.ts';

/** Lines of a stream that are worked on at the same time: enough to fill the encoders' batches. */
const linesOfStream = 64;
/** The same of all streams together. More wait for their turn, so that single requests have room. */
const linesInFlight = 128;

/** Lines that are explained at the same time, of all streams. */
const explainedInFlight = 2;

/** A line has three fields, and a few more that nobody knows. */
const lineLimits: JsonLimits = { values: 1000, members: 1000, depth: 32 };

/** Characters of a line that are counted before others get their turn. */
const pieceLength = 2 ** 20;

/** What a stream says in its address, because its body is all lines. */
export const lineQuerySchema = z.strictObject({
  head: headReference.optional(),
  topK: z.coerce.number<string>().pipe(topKSchema).default(standardTopK),
  ...explainTexts,
});

export const lineMediaType = 'application/x-ndjson';

/**
 * Answers a body of JSON lines with a line each, in their order, while it still comes in: however many there are,
 * only a few are held. A bad line is its own error and nobody else's. Where there is much to do, streams wait: a body is
 * read no faster than it is answered.
 */
export function answerLines(
  services: Services,
  { defaultHead, requestTimeout, maximumRequestBytes, metrics, fetchImage }: AppOptions,
  limits: PredictionLimits,
): RequestHandler {
  const inTurn = pLimit(linesInFlight);
  // Of their own, so that slow addresses hold up no other lines.
  const toFetch = pLimit(linesInFlight);
  // So are these, which take long.
  const toExplain = pLimit(explainedInFlight);
  return async (request, response) => {
    const { head = defaultHead, topK, ...asked } = lineQuerySchema.parse(request.query);
    const explain = explainOptionsOf(asked, 1);
    const turns = explain ? toExplain : inTurn;
    let count = 0;
    const left = departure(response);
    const basePath = basePathOf(request);
    // An unknown head is the request's error, while one can still be sent as such.
    await services.head(head);
    const readLine = async (line: string) =>
      line.length > maximumRequestBytes
        ? { id: undefined, input: tooLarge(maximumRequestBytes) }
        : parseLine(line, limits);
    const answerLine = async (line: string): Promise<object> => {
      left.throwIfAborted();
      const isExplained = !explain || count++ < mostExplainedLines;
      const { id, input: read } = await readLine(line);
      const input = isExplained ? read : tooManyToExplain;
      if (input instanceof TandemError) {
        await predictAndCount(services, metrics, [input], { head, topK, signal: left }).catch(ofLine);
        return identified(id, input, basePath);
      }
      const fetchOptions = { fetchImage, maximumBytes: maximumRequestBytes };
      const fetched = () =>
        withDeadline(left, requestTimeout, (signal) => withImages([input], { ...fetchOptions, signal }));
      const answer = await toFetch(fetched)
        .then((complete) =>
          turns(() =>
            withDeadline(left, requestTimeout, (signal) =>
              predictAndCount(services, metrics, complete, { head, topK, explain, signal, mayWait: true }),
            ),
          ),
        )
        .then(
          ({ head, answers }) => {
            const answer = itemAt(answers, 0);
            return answer instanceof TandemError ? answer : { head, ...answer };
          },
          (error) => {
            if (left.aborted) throw error;
            return ofLine(error);
          },
        );
      return identified(id, answer, basePath);
    };
    const body = decompressed(request, response);
    inviteBody(request, response);
    response.type(lineMediaType);
    const lines = Readable.from(linesOf(body, maximumRequestBytes));
    const answers = lines.map(answerLine, { concurrency: linesOfStream });
    try {
      for await (const answer of answers)
        if (!response.write(`${JSON.stringify(answer)}\n`) && !(await drained(response, left))) return;
      response.end();
    } catch (error) {
      if (!left.aborted) throw error;
    } finally {
      if (body !== request) body.destroy();
    }
  };
}

/** Of the lines of a stream behind those that are explained. */
const tooManyToExplain = new TandemError(
  'invalid-request',
  `explain: the first ${mostExplainedLines} lines of a stream are explained, and this is a later one; send it in another stream, or leave explain out`,
);

/** What a line is known by, whatever else is wrong with it. */
const lineWithId = z.object({ id: itemId });

async function parseLine(
  line: string,
  limits: PredictionLimits,
): Promise<{ id?: ItemId; input: ReadInput | TandemError }> {
  let value: unknown;
  try {
    // A shorter one has no room for more.
    if (line.length > lineLimits.values) await checkStructure(line);
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof TandemError) return { input: error };
    const detail = `the line is not JSON: ${(error as Error).message}`;
    return { input: new TandemError('invalid-request', detail) };
  }
  const parsed = inputSchema.safeParse(value);
  if (parsed.success) return { id: parsed.data.id, input: readInput(parsed.data, 'the line', limits) };
  const { data } = lineWithId.safeParse(value);
  return { id: data?.id, input: describeFields(parsed.error) };
}

/** Counts what a line has, some milliseconds' worth at a time; parsing it is a turn of its own. */
async function checkStructure(line: string): Promise<void> {
  const structure = new JsonStructure(lineLimits);
  const turns = new TimeSlice();
  for (let at = 0; at < line.length; at += pieceLength) {
    structure.add(Buffer.from(line.slice(at, at + pieceLength)));
    await turns.share();
  }
  await setImmediate();
}

const ofTheLine: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'out-of-memory',
  'head-stopped',
  'deadline-exceeded',
]);

/** What one line failed of; what is not the line's to fail of is thrown. */
function ofLine(error: unknown): TandemError {
  if (error instanceof TandemError && (errorTable[error.code].status < 500 || ofTheLine.has(error.code)))
    return error;
  throw error;
}
