import { basename } from 'node:path';
import { type ErrorItem, TandemError } from '../errors.ts';
import type { Encoders } from '../inference/encoders.ts';
import { modalities } from '../inference/prediction.ts';
import { concurrently } from './dataset/concurrently.ts';
import type { Dataset, Example } from './dataset/dataset.ts';
import { type FeatureTable, type MemoryColumn, memoryColumn } from './feature-table.ts';

export interface ExtractionOptions {
  signal?: AbortSignal;
  /** Counts pictures and texts. */
  onProgress?(done: number, total: number): void;
}

/** Items of a batch. Which items share one is decided by the dataset alone, so that the features are always the same. */
const batchSize = 16;
/** Batches of pictures that are decoded or encoded at a time: while one is encoded, the next are decoded. */
const batchesInFlight = 3;

/**
 * Encodes every picture and text of a dataset, once. A modality that no example has gets no column.
 * @throws TandemError `invalid-dataset` naming every row whose picture cannot be decoded; the signal's reason where
 *   it aborts
 */
export async function extractFeatures(
  encoders: Encoders,
  { name, examples, labels }: Dataset,
  { signal, onProgress }: ExtractionOptions = {},
): Promise<FeatureTable<MemoryColumn>> {
  const columns = modalities.flatMap((modality): MemoryColumn[] => {
    const present = Uint8Array.from(examples, (example) => Number(example[modality] !== undefined));
    const { dimension } = encoders[modality];
    return present.includes(1)
      ? [
          memoryColumn({
            modality,
            dimension,
            present,
            values: new Float32Array(examples.length * dimension),
          }),
        ]
      : [];
  });
  const total = columns.reduce((sum, { present }) => sum + present.reduce((count, has) => count + has, 0), 0);
  let done = 0;
  const count = (items: number) => {
    done += items;
    onProgress?.(done, total);
    signal?.throwIfAborted();
  };
  const problems: ErrorItem[] = [];
  await Promise.all(
    columns.map((column) => {
      const rows = [...column.present.keys()].filter((row) => column.present[row] === 1);
      return column.modality === 'image'
        ? encodePictures(encoders, column, rows, examples, problems, count)
        : encodeTexts(encoders, column, rows, examples, count);
    }),
  );
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

async function encodePictures(
  { image: encoder }: Encoders,
  column: MemoryColumn,
  rows: number[],
  examples: readonly Example[],
  problems: ErrorItem[],
  count: (items: number) => void,
): Promise<void> {
  await concurrently(inBatches(rows), batchesInFlight, async (batch) => {
    const prepared = await Promise.all(
      batch.map(async (row) => {
        const { image, row: line } = examples[row];
        return encoder.prepare(image!).catch((error) => {
          if (!(error instanceof TandemError)) throw error;
          problems.push({ at: `row ${line}`, detail: `${basename(image!)}: ${error.message}` });
          return undefined;
        });
      }),
    );
    const readable = batch.flatMap((row, index) =>
      prepared[index] ? [{ row, pixels: prepared[index] }] : [],
    );
    if (readable.length > 0)
      store(
        column,
        readable.map(({ row }) => row),
        await encoder.encode(readable.map(({ pixels }) => pixels)),
      );
    count(batch.length);
  });
}

/** Texts of about the same length share a batch, so that little of it is padding. */
async function encodeTexts(
  { text: encoder }: Encoders,
  column: MemoryColumn,
  rows: number[],
  examples: readonly Example[],
  count: (items: number) => void,
): Promise<void> {
  const tokens = new Map<number, number[]>();
  for (const row of rows) tokens.set(row, await encoder.prepare(examples[row].text!));
  const byLength = rows.toSorted((a, b) => tokens.get(a)!.length - tokens.get(b)!.length || a - b);
  for (const batch of inBatches(byLength)) {
    store(column, batch, await encoder.encode(batch.map((row) => tokens.get(row)!)));
    count(batch.length);
  }
}

function store(
  { values, dimension }: MemoryColumn,
  rows: readonly number[],
  features: readonly Float32Array[],
): void {
  for (const [index, row] of rows.entries()) values.set(features[index], row * dimension);
}

function inBatches(rows: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, batch) =>
    rows.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}
