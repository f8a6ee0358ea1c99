import { z } from 'zod';
import type { Companion, Input, OpenCompanion } from '../../modality.ts';
import { inputText } from '../input-text.ts';
import { mainDirections } from './directions.ts';
import { buckets, weighNgrams } from './ngrams.ts';
import { missing, type SparseRow, type SparseRows } from './sparse-rows.ts';

/** Features of a text at most. */
const mostDirections = 256;
/** Texts for each direction: with fewer, a direction is one text's own. */
const textsPerDirection = 3;
/** Fewer directions say little. */
const fewestDirections = 8;
/** Texts that directions are found in, and the n-grams of all: more take seconds and change little. */
const mostTexts = 2048;
const mostNgrams = 2 ** 20;

const headerSchema = z.strictObject({
  format: z.literal(1),
  /** Buckets of n-grams that the training texts have. */
  buckets: z.int().min(1).max(buckets),
  dimension: z.int().min(1).max(mostDirections),
});

/** A projection of n-grams: `value = scale · step`, of the buckets that are known. */
interface Projection {
  dimension: number;
  /** The known buckets, rising. */
  known: Uint16Array;
  /** Row-major, known buckets × dimension. */
  steps: Int8Array;
  scales: Float32Array;
  /** Of the features of the training texts. */
  mean: Float32Array;
}

/**
 * Features of the characters of texts, beside a text encoder's: hashed n-grams, projected to the directions in which the
 * training texts differ most. They tell words that an encoder does not know, such as those of a language it was not trained on.
 */
export const lexical: Companion<Input> = {
  id: 'lexical',
  fit(texts) {
    const rows = sampleRows(texts);
    const count = Math.min(mostDirections, Math.floor(rows.length / textsPerDirection));
    if (count < fewestDirections) return undefined;
    return write(projectionOf(rows, count));
  },
  open: (bytes) => openProjection(read(bytes)),
};

/** The n-grams of the texts, or of as many of them, evenly spread. */
function sampleRows(texts: readonly Input[]): SparseRows {
  const taken = Math.min(mostTexts, texts.length);
  const rows = Array.from({ length: taken }, (_, index) =>
    weighNgrams(inputText(texts[Math.floor((index * texts.length) / taken)] ?? '')),
  ).filter(({ places }) => places.length > 0);
  const ngrams = rows.reduce((sum, { places }) => sum + places.length, 0);
  const every = Math.ceil(ngrams / mostNgrams);
  return rows.filter((_, index) => index % every === 0);
}

function projectionOf(rows: SparseRows, count: number): Projection {
  const directions = mainDirections(rows, buckets, count).values;
  const isKnown = new Uint8Array(buckets);
  for (const { places } of rows) for (const place of places) isKnown[place] = 1;
  const known = new Uint16Array(isKnown.keys().filter((place) => isKnown[place] === 1));
  const largest = new Float64Array(count);
  for (let index = 0; index < directions.length; index++) {
    const value = Math.abs(directions[index] ?? missing);
    if (value > (largest[index % count] ?? missing)) largest[index % count] = value;
  }
  const scales = Float32Array.from(largest, (value) => value / 127);
  const steps = new Int8Array(known.length * count);
  for (const [row, place] of known.entries())
    for (let k = 0; k < count; k++) {
      const scale = scales[k] ?? missing;
      steps[row * count + k] =
        scale === 0 ? 0 : Math.round((directions[place * count + k] ?? missing) / scale);
    }
  const projection = { dimension: count, known, steps, scales, mean: new Float32Array(count) };
  return { ...projection, mean: meanOf(projection, rows) };
}

function meanOf(projection: Projection, rows: SparseRows): Float32Array {
  const project = projector(projection);
  const sums = new Float64Array(projection.dimension);
  for (const row of rows)
    for (const [k, value] of project(row).entries()) sums[k] = (sums[k] ?? missing) + value;
  return Float32Array.from(sums, (sum) => sum / rows.length);
}

/** Makes features [dimension] of weighed n-grams; a mean that is 0 leaves them as they are. */
function projector({ dimension, known, steps, scales, mean }: Projection): (row: SparseRow) => Float32Array {
  const startOf = new Int32Array(buckets).fill(-1);
  for (const [row, place] of known.entries()) startOf[place] = row * dimension;
  return ({ places, weights }) => {
    const features = new Float32Array(dimension);
    for (let index = 0; index < places.length; index++) {
      const start = startOf[places[index] ?? missing] ?? missing;
      if (start < 0) continue;
      const weight = weights[index] ?? missing;
      for (let k = 0; k < dimension; k++)
        features[k] = (features[k] ?? missing) + weight * (steps[start + k] ?? missing);
    }
    for (let k = 0; k < dimension; k++)
      features[k] = (features[k] ?? missing) * (scales[k] ?? missing) - (mean[k] ?? missing);
    return features;
  };
}

function openProjection(projection: Projection): OpenCompanion<Input> {
  const project = projector(projection);
  return { dimension: projection.dimension, encode: (text) => project(weighNgrams(inputText(text))) };
}

/** A line of JSON, then the known buckets (uint16), scales and mean (float32, all little-endian) and the steps. */
function write({ dimension, known, steps, scales, mean }: Projection): Uint8Array {
  const header = { format: 1, buckets: known.length, dimension } satisfies z.infer<typeof headerSchema>;
  const parts = [known, scales, mean, steps].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...parts]);
}

/** @throws Error that says what is wrong with the bytes, which may be anybody's */
function read(bytes: Uint8Array): Projection {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf('\n');
  const header = headerSchema.parse(JSON.parse(buffer.toString('utf8', 0, Math.max(0, end))));
  const { dimension } = header;
  let at = end + 1;
  // A copy: numbers of several bytes lie at multiples of their size.
  const take = (length: number) => {
    const taken = new Uint8Array(buffer.subarray(at, at + length));
    if (taken.length < length) throw new Error('it ends too early');
    at += length;
    return taken.buffer;
  };
  const known = new Uint16Array(take(2 * header.buckets));
  const scales = new Float32Array(take(4 * dimension));
  const mean = new Float32Array(take(4 * dimension));
  const steps = new Int8Array(take(header.buckets * dimension));
  if (at !== buffer.length) throw new Error('it has more than it says');
  if (known.some((place, index) => place >= buckets || place <= (known[index - 1] ?? -1)))
    throw new Error('its buckets do not rise');
  if (![...scales, ...mean].every((value) => Math.abs(value) <= 1e6))
    throw new Error('it has a number that is not finite, or too large');
  return { dimension, known, steps, scales, mean };
}
