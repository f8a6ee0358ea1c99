import { writeFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import { missing } from '../targets/answer-family.ts';
import { truthSchema } from '../targets/truth.ts';
import type { ItemFeatures } from './item-features.ts';
import { type HeadManifest, headFiles } from './manifest.ts';
import type { HeadFolder } from './registry/head-reading.ts';
import { optionalFile } from './registry/verified-file.ts';

/** Training rows that a head keeps at most. */
export const mostNeighbours = 20_000;

const rowSchema = z.strictObject({
  /** As in rows.jsonl.gz. */
  row: z.int().nonnegative(),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  truth: truthSchema,
});
const headerSchema = z.strictObject({
  format: z.literal(1),
  rows: z.array(rowSchema).max(mostNeighbours),
  columns: z.array(z.strictObject({ modality: z.enum(modalityNames), dimension: z.int().positive() })),
});

/** A training row, as rows.jsonl.gz numbers it, and what is true of it. */
export type NeighbourRow = z.infer<typeof rowSchema>;

/** Features of one modality: rows of length 1, each `scale · values`; the scale of a row that lacks the modality is 0. */
export interface NeighbourColumn {
  modality: ModalityName;
  dimension: number;
  scales: Float32Array;
  /** Row-major, rows × dimension. */
  values: Int8Array;
}

/**
 * Rows that a head was trained on, with their features. They lie in the order of their ids, which are hashes: the first n
 * of them are a random sample.
 */
export interface Neighbours {
  rows: NeighbourRow[];
  columns: NeighbourColumn[];
}

/** A training row that resembles an item. */
export interface Neighbour extends NeighbourRow {
  /** Cosine of the features, all modalities joined. */
  similarity: number;
}

const largestStep = 127;

/**
 * A column with room for so many rows, all of which lack the modality.
 * @example const column = neighbourColumn({ modality: 'text', dimension: 384 }, 900);
 */
export function neighbourColumn(
  { modality, dimension }: Pick<NeighbourColumn, 'modality' | 'dimension'>,
  rows: number,
): NeighbourColumn {
  const values = new Int8Array(rows * dimension);
  return { modality, dimension, scales: new Float32Array(rows), values };
}

/** Puts features of any length in a row: scaled to length 1, then rounded to 8 bits, an error of the cosine below 0.01. */
export function setNeighbour(
  { dimension, scales, values }: NeighbourColumn,
  row: number,
  features: Float32Array,
): void {
  let largest = 0;
  for (const value of features) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return;
  let rounded = 0;
  for (let index = 0; index < dimension; index++) {
    const step = Math.round(((features[index] ?? missing) / largest) * largestStep);
    values[row * dimension + index] = step;
    rounded += step * step;
  }
  // Length 1 of what is kept.
  scales[row] = 1 / Math.sqrt(rounded);
}

/**
 * Cosine of features with a row; 0 where the row lacks the modality.
 * @param direction features of length 1; see {@link directionOf}
 */
export function similarityTo(
  { dimension, scales, values }: NeighbourColumn,
  row: number,
  direction: Float32Array,
): number {
  const start = row * dimension;
  let [first, second] = [0, 0];
  let index = 0;
  for (; index + 1 < dimension; index += 2) {
    first += (values[start + index] ?? missing) * (direction[index] ?? missing);
    second += (values[start + index + 1] ?? missing) * (direction[index + 1] ?? missing);
  }
  if (index < dimension) first += (values[start + index] ?? missing) * (direction[index] ?? missing);
  return (first + second) * (scales[row] ?? missing);
}

/**
 * Features scaled to length 1; zeros stay zeros.
 * @param dimension how many count, from the first: a companion's follow those of an encoder
 */
export function directionOf(all: Float32Array, dimension = all.length): Float32Array {
  const features = all.length === dimension ? all : all.subarray(0, dimension);
  let squares = 0;
  for (const value of features) squares += value * value;
  const factor = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  return features.map((value) => value * factor);
}

/** Rows that are compared before others get their turn. */
const rowsOfTurn = 512;

/**
 * The rows that an item resembles most, the nearest first. Every modality that both have contributes alike. All of 20,000
 * rows take some 50 ms, in turns of one or two.
 * @example const [nearest] = await nearestRows(neighbours, { text: features }, 5); // { row: 17, truth: { class: 'cat' }, similarity: 0.91, … }
 */
export async function nearestRows(
  { rows, columns }: Neighbours,
  item: ItemFeatures,
  count: number,
): Promise<Neighbour[]> {
  const asked = columns.flatMap((column) => {
    const features = item[column.modality];
    return features ? [{ column, direction: directionOf(features, column.dimension) }] : [];
  });
  const similarities = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row++) {
    if (row % rowsOfTurn === rowsOfTurn - 1) await setImmediate();
    const present = columns.filter(({ scales }) => scales[row] !== 0).length;
    const sum = asked.reduce((all, { column, direction }) => all + similarityTo(column, row, direction), 0);
    similarities[row] = sum / Math.sqrt(Math.max(1, asked.length * present));
  }
  const order = [...similarities.keys()].sort((a, b) => itemAt(similarities, b) - itemAt(similarities, a));
  return order
    .slice(0, count)
    .map((row) => ({ ...itemAt(rows, row), similarity: itemAt(similarities, row) }));
}

/**
 * Writes rows: a line of JSON that says what they are, then of each column its scales (float32, little-endian) and its
 * values. The same bytes for the same rows.
 * @example await writeNeighbours('neighbours.bin', neighbours); // head -n 1 neighbours.bin | jq
 */
export async function writeNeighbours(file: string, { rows, columns }: Neighbours): Promise<void> {
  const header = {
    format: 1,
    rows,
    columns: columns.map(({ modality, dimension }) => ({ modality, dimension })),
  } satisfies z.infer<typeof headerSchema>;
  const parts = columns.flatMap(({ scales, values }) => [bytesOf(scales), bytesOf(values)]);
  await writeFile(file, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...parts]));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * The training rows that a head keeps.
 * @param encoders of the head
 * @returns undefined where it keeps none, as heads of earlier releases and those without a pretrained modality
 * @throws TandemError `damaged-artifact` where the file is not what was registered, or holds something else
 */
export async function readNeighbours(
  head: HeadFolder,
  encoders: HeadManifest['encoders'],
): Promise<Neighbours | undefined> {
  const bytes = await optionalFile(head, headFiles.neighbours);
  return bytes && parseNeighbours(bytes, encoders);
}

/**
 * Reads the rows in a file's bytes, which may be anybody's.
 * @throws TandemError `damaged-artifact`
 */
export function parseNeighbours(bytes: Uint8Array, encoders: HeadManifest['encoders']): Neighbours {
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = buffer.indexOf('\n');
    const header = headerSchema.parse(JSON.parse(buffer.toString('utf8', 0, Math.max(0, end))));
    const { rows } = header;
    let at = end + 1;
    const take = (length: number) => {
      const taken = buffer.subarray(at, at + length);
      if (taken.length < length) throw new Error('it ends too early');
      at += length;
      return taken;
    };
    const columns = header.columns.map(({ modality, dimension }): NeighbourColumn => {
      const taken = encoders.find((encoder) => encoder.modality === modality);
      if (dimension !== (taken?.embeddingDimension ?? taken?.dimension))
        throw new Error(`the head takes no ${modality} of ${dimension} features`);
      // A copy: numbers of four bytes lie at multiples of four.
      const scales = new Float32Array(new Uint8Array(take(4 * rows.length)).buffer);
      if (!scales.every((scale) => scale >= 0 && scale <= 1)) throw new Error('a scale is not from 0 to 1');
      const { buffer, byteOffset, length } = take(rows.length * dimension);
      return { modality, dimension, scales, values: new Int8Array(buffer, byteOffset, length) };
    });
    if (at !== buffer.length) throw new Error('it has more than it says');
    return { rows, columns };
  } catch (error) {
    const detail = `${headFiles.neighbours} cannot be used: ${(error as Error).message}`;
    throw new TandemError('damaged-artifact', detail, { cause: error });
  }
}
