import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gunzip } from 'node:zlib';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { modalityNames } from '../modalities/registry.ts';
import type { ItemProbabilities } from './head.ts';
import { headFiles } from './manifest.ts';
import type { HeadFolder } from './registry/head-reading.ts';
import { optionalFile } from './registry/verified-file.ts';

const probabilities = z.array(z.number());
const lineSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  row: z.int().nonnegative(),
  split: z.enum(['train', 'test']),
  answer: z
    .object({ fused: probabilities, unimodal: z.partialRecord(z.enum(modalityNames), probabilities) })
    .optional(),
});

/** What a training did with one row of its dataset. */
export interface TrainingRow {
  /** See `contentId`. */
  id: string;
  row: number;
  split: 'train' | 'test';
  /** Of a test row: what the head said of it that never saw it. */
  answer?: ItemProbabilities;
}

/** Numbers that are kept at most; where the answers have more, rows are kept without them. */
const mostNumbers = 2e7;
/** Bytes of the unpacked lines that are read at most. */
const mostBytes = 2 ** 28;
/** Digits of a probability, about those of float32. */
const digits = 8;

/**
 * Writes a training's rows: JSON lines, gzipped, the same bytes for the same rows.
 * @example await writeTrainingRows('rows.jsonl.gz', [{ id, row: 1, split: 'test', answer }]); // zcat rows.jsonl.gz | jq
 */
export async function writeTrainingRows(file: string, rows: readonly TrainingRow[]): Promise<void> {
  const numbers = rows.reduce((sum, { answer }) => sum + (answer ? numbersOf(answer) : 0), 0);
  const lines = function* () {
    for (const { answer, ...row } of rows)
      yield `${JSON.stringify(answer && numbers <= mostNumbers ? { ...row, answer: rounded(answer) } : row)}\n`;
  };
  await pipeline(Readable.from(lines()), createGzip(), createWriteStream(file));
}

function numbersOf({ fused, unimodal }: ItemProbabilities): number {
  return fused.length * (1 + Object.keys(unimodal).length);
}

function rounded({ fused, unimodal }: ItemProbabilities) {
  const round = (values: ArrayLike<number>) =>
    Array.from(values, (value) => Number(value.toPrecision(digits)));
  return {
    fused: round(fused),
    unimodal: Object.fromEntries(Object.entries(unimodal).map(([name, values]) => [name, round(values)])),
  };
}

/**
 * The rows that a head was trained on and measured on.
 * @param labels of the head: an answer has a number for each
 * @returns undefined where the head keeps none, as those of earlier releases
 * @throws TandemError `damaged-artifact` where the file is not what was registered, or holds something else
 */
export async function readTrainingRows(head: HeadFolder, labels: number): Promise<TrainingRow[] | undefined> {
  const bytes = await optionalFile(head, headFiles.rows);
  return bytes && parseRows(bytes, labels);
}

/**
 * Reads the rows in a file's bytes, which may be anybody's.
 * @throws TandemError `damaged-artifact` that names the line
 */
export async function parseRows(bytes: Uint8Array, labels: number): Promise<TrainingRow[]> {
  try {
    const unpacked = await promisify(gunzip)(bytes, { maxOutputLength: mostBytes });
    const rows: TrainingRow[] = [];
    for (let start = 0, end = unpacked.indexOf('\n'); end >= 0; end = unpacked.indexOf('\n', start)) {
      rows.push(parseLine(unpacked.toString('utf8', start, end), labels, rows.length + 1));
      start = end + 1;
    }
    return rows;
  } catch (error) {
    const detail = `${headFiles.rows} cannot be used: ${(error as Error).message}`;
    throw new TandemError('damaged-artifact', detail, { cause: error });
  }
}

function parseLine(line: string, labels: number, number: number): TrainingRow {
  const { data, error } = lineSchema.safeParse(JSON.parse(line));
  const answers = data?.answer ? [data.answer.fused, ...Object.values(data.answer.unimodal)] : [];
  if (error || answers.some((answer) => answer?.length !== labels))
    throw new Error(`line ${number} is no row with an answer of ${labels} numbers`);
  const { answer, ...row } = data;
  if (!answer) return row;
  const { fused, unimodal } = answer;
  return {
    ...row,
    answer: {
      fused: Float64Array.from(fused),
      unimodal: Object.fromEntries(
        Object.entries(unimodal).map(([name, values]) => [name, Float64Array.from(values)]),
      ),
    },
  };
}
