import { throwIfCancelled } from '../cancellation.ts';
import { encodeMany } from '../encoders/encode-many.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import type { DecisionRule } from '../heads/accept.ts';
import { withCompanion } from '../heads/companions.ts';
import { decide } from '../heads/decision.ts';
import { fittedFeatures } from '../heads/fitted.ts';
import type { Head } from '../heads/head.ts';
import type { ItemFeatures } from '../heads/item-features.ts';
import { predictionFrom } from '../heads/unimodal-prediction.ts';
import { itemAt } from '../indexing.ts';
import { FileCell } from '../modalities/file-cell.ts';
import { pretrainedNames } from '../modalities/registry.ts';
import type { AddedColumns, RowAnswer } from './added-columns.ts';
import type { Output } from './output.ts';
import { type ReadContentOptions, type RowContent, readContent } from './row-content.ts';
import type { RowFormat } from './row-format.ts';
import type { SourceRow } from './source.ts';

/** Rows that are encoded, answered and written together: a kill loses the work on two times as many at most. */
const rowsOfChunk = 256;
/** Characters of a chunk's cells, images in them included: fewer rows are in one where they are long. */
const charactersOfChunk = 2 ** 24;
/** Chunks that are read and encoded at a time, so that encoders find the next one ready. */
const chunksInFlight = 2;

export interface Scoring {
  encoders: Encoders;
  head: Head;
  /** How answers are accepted; absent where nothing is decided. */
  rule?: DecisionRule;
  /** From the first that is not written yet. */
  rows: AsyncIterable<SourceRow>;
  reading: ReadContentOptions;
  /** Every column of the output. */
  columns: readonly string[];
  added: AddedColumns;
  format: RowFormat;
  output: Output;
  signal?: AbortSignal;
  /** Told of the rows that are written. */
  onRows?(done: number): void;
}

interface EncodedChunk {
  rows: readonly SourceRow[];
  /** Of each row, or what is wrong with it in words. */
  features: (ItemFeatures | { problem: string })[];
}

/**
 * Answers rows and writes them with their answers, in order. A row that cannot be answered says why, and is nobody else's
 * matter. What is held is a few chunks, however many rows there are.
 * @throws TandemError `job-cancelled` where the signal aborts, `out-of-memory`; EngineTimeout
 */
export async function scoreRows(scoring: Scoring): Promise<void> {
  const { columns, added, format, output, signal, onRows } = scoring;
  if (output.isEmpty) await output.append(format.header(columns), { rows: 0, failed: 0 });
  for await (const { rows, features } of encodedAhead(scoring)) {
    throwIfCancelled(signal, `after ${output.done.rows} rows`);
    const answers = await answerChunk(scoring, features);
    const written = rows.map(({ values }, index) => ({ values, added: added.cells(itemAt(answers, index)) }));
    const failed = answers.filter((answer) => 'problem' in answer).length;
    await output.append(format.rows(columns, written), { rows: rows.length, failed });
    onRows?.(output.done.rows);
  }
}

/** Encodes the next chunk while one is answered and written. */
async function* encodedAhead(scoring: Scoring): AsyncGenerator<EncodedChunk> {
  const encoding: Promise<EncodedChunk>[] = [];
  for await (const rows of inChunks(scoring.rows)) {
    const next = encodeChunk(scoring, rows);
    // Where an earlier one fails, nobody waits for it.
    next.catch(() => {});
    encoding.push(next);
    const first = encoding.length < chunksInFlight ? undefined : encoding.shift();
    if (first) yield await first;
  }
  for (const last of encoding) yield await last;
}

/** Chunks depend on the rows alone: a run that goes on after one makes the same of the rest. */
async function* inChunks(rows: AsyncIterable<SourceRow>): AsyncGenerator<SourceRow[]> {
  let chunk: SourceRow[] = [];
  let characters = 0;
  for await (const row of rows) {
    chunk.push(row);
    for (const value of row.values.values()) characters += lengthOf(value);
    if (chunk.length < rowsOfChunk && characters < charactersOfChunk) continue;
    yield chunk;
    [chunk, characters] = [[], 0];
  }
  if (chunk.length > 0) yield chunk;
}

function lengthOf(value: unknown): number {
  if (value instanceof FileCell) return value.bytes.length;
  return typeof value === 'string' ? value.length : 0;
}

async function encodeChunk(
  { encoders, head, reading, signal, output }: Scoring,
  rows: readonly SourceRow[],
): Promise<EncodedChunk> {
  const contents = await Promise.all(rows.map((row) => readContent(row, reading)));
  const features = contents.map((content) => featuresOfFitted(head, content));
  const encodeModality = async (name: (typeof pretrainedNames)[number]) => {
    const having = contents.flatMap((content, index) => {
      const input = 'problem' in content ? undefined : content.inputs[name];
      return input === undefined ? [] : [{ index, input }];
    });
    const inputs = having.map(({ input }) => input);
    const encoded = await encodeMany(encoders, name, inputs, signal);
    for (const [place, { index, input }] of having.entries()) {
      const [item, own] = [itemAt(encoded, place), itemAt(features, index)];
      if (item instanceof TandemError) features[index] = { problem: item.message };
      else if (!('problem' in own)) own[name] = await withCompanion(head.companions, name, input, item);
    }
  };
  try {
    await Promise.all(pretrainedNames.map(encodeModality));
  } catch (error) {
    throwIfCancelled(signal, `after ${output.done.rows} rows`);
    throw error;
  }
  return { rows, features };
}

function featuresOfFitted(
  { manifest }: Head,
  content: RowContent | { problem: string },
): ItemFeatures | { problem: string } {
  if ('problem' in content) return content;
  try {
    return fittedFeatures(manifest.encoders, content.fitted);
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { problem: error.message };
  }
}

async function answerChunk(
  { head, rule }: Scoring,
  features: EncodedChunk['features'],
): Promise<RowAnswer[]> {
  const novelty = rule && (await head.novelty?.());
  const good = features.filter((each): each is ItemFeatures => !('problem' in each));
  const answers = good.length > 0 ? await head.classify(good) : [];
  let answered = 0;
  return features.map((each) => {
    if ('problem' in each) return { problem: String(each.problem) };
    const answer = itemAt(answers, answered++);
    return {
      ...predictionFrom(answer, head.manifest, 1),
      ...(rule && decide(answer, head.manifest, rule, novelty?.unlikeIn(each) ?? [])),
    };
  });
}
