import { basename } from 'node:path';
import { type ErrorItem, TandemError } from '../errors.ts';
import { Batcher } from '../inference/batcher.ts';
import type { Encoders } from '../inference/encoders.ts';
import { type Modality, modalities } from '../inference/prediction.ts';
import { concurrently } from './dataset/concurrently.ts';
import type { Dataset, Example } from './dataset/dataset.ts';
import type { FeatureColumn, FeatureTable } from './feature-table.ts';

export interface ExtractionOptions {
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** So many examples are decoded and encoded side by side: enough to fill a batch while the next is decoded. */
const examplesInFlight = 48;
const maximumBatch = 16;

/**
 * Encodes every picture and text of a dataset, once. A modality that no example has gets no column.
 * @throws TandemError `invalid-dataset` naming every row whose picture cannot be decoded; the signal's reason where
 *   it aborts
 */
export async function extractFeatures(
  encoders: Encoders,
  { name, examples, labels }: Dataset,
  { signal, onProgress }: ExtractionOptions = {},
): Promise<FeatureTable> {
  const has = (example: Example, modality: Modality) => example[modality] !== undefined;
  const columns = modalities
    .filter((modality) => examples.some((example) => has(example, modality)))
    .map((modality): FeatureColumn => {
      const { dimension } = encoders[modality];
      return {
        modality,
        dimension,
        values: new Float32Array(examples.length * dimension),
        present: Uint8Array.from(examples, (example) => Number(has(example, modality))),
      };
    });
  const options = { maximumBatch, maximumQueue: Number.POSITIVE_INFINITY };
  const images = new Batcher({
    ...options,
    run: (batch: readonly Uint8Array[]) => encoders.image.encode(batch),
  });
  const texts = new Batcher({ ...options, run: (batch: readonly number[][]) => encoders.text.encode(batch) });
  const encode = {
    image: async ({ image }: Example) => images.submit(await encoders.image.prepare(image!), signal),
    text: async ({ text }: Example) => texts.submit(await encoders.text.prepare(text!), signal),
  };
  const problems: ErrorItem[] = [];
  let done = 0;
  await concurrently(examples, examplesInFlight, async (example, row) => {
    signal?.throwIfAborted();
    const wanted = columns.filter(({ present }) => present[row] === 1);
    const encodeRow = wanted.map(async ({ modality, values, dimension }) => {
      const { result } = await encode[modality](example);
      values.set(result, row * dimension);
    });
    await Promise.all(encodeRow).catch((error) => {
      if (!(error instanceof TandemError)) throw error;
      problems.push({
        at: `row ${example.row}`,
        detail: `${basename(example.image ?? '')}: ${error.message}`,
      });
    });
    onProgress?.(++done, examples.length);
  });
  if (problems.length > 0)
    throw new TandemError(
      'invalid-dataset',
      `${name} has ${problems.length} pictures that cannot be decoded`,
      {
        items: problems.slice(0, 100),
      },
    );
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  return { columns, labels: Int32Array.from(examples, ({ label }) => indexOf.get(label)!) };
}
