import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import pMap from 'p-map';
import type { Dataset, Example } from '../../datasets/example.ts';
import type { Encoders } from '../../encoders/encoders.ts';
import { type ErrorItem, TandemError } from '../../errors.ts';
import { type Modality, modalities } from '../../modalities/modality.ts';
import { sha256OfFile } from '../../store/files/checksum.ts';
import { encodeTargets } from '../../targets/targets.ts';
import { FeatureCache } from './feature-cache.ts';
import { createFileColumn } from './feature-file.ts';
import { type FeatureTable, memoryColumn, type WritableColumn } from './feature-table.ts';
import { inBatches } from './in-batches.ts';

export interface ExtractionOptions {
  /** Folder of the features that earlier extractions left; without it everything is encoded. */
  cache?: string;
  /** Features that take more bytes than this lie in a file without a name, beside the cache or among temporary files. */
  mostBytesInMemory?: number;
  /** The one modality to encode; all that there are unless said. */
  only?: Modality;
  signal?: AbortSignal;
  /** Counts the distinct pictures and texts. */
  onProgress?(done: number, total: number): void;
}

/**
 * Pictures of a batch: few fit a CPU's cache best, many fill a GPU. On the CPU a picture gets the same features in any
 * batch, bit by bit.
 */
const picturesOfBatch = { cpu: 4, cuda: 32 };
/** Batches that are prepared or encoded at a time: one on every engine, and while they are encoded the next. */
const batchesInFlight = ({ engines }: Encoders) => Math.max(3, engines + 1);
/**
 * Texts of a batch, always, all with the same number of tokens: the shape of the batch decides the last bits of the
 * features, which text lies where in it doesn't. So the features are the same whatever the cache had.
 */
const textsOfBatch = 8;
/** Texts that are tokenized or wait for it at a time: enough to keep the threads busy. */
const textsTokenizedAtOnce = 256;
/** Items that are looked up in the cache at a time. */
const itemsOfLookup = 1024;

/** A picture or a text of a dataset, and the rows that have it. */
interface Item {
  /** sha256 of its content. */
  key: string;
  rows: number[];
  example: Example;
}

/**
 * Encodes every distinct picture and text of a dataset that no earlier extraction encoded. A modality that no example
 * has gets no column.
 * @throws TandemError `invalid-dataset` naming every row whose picture cannot be decoded or has features that are not
 *   finite; the signal's reason where
 *   it aborts, and then what was encoded is kept
 */
export async function extractFeatures(
  encoders: Encoders,
  dataset: Dataset,
  { cache, mostBytesInMemory = 768 * 2 ** 20, only, signal, onProgress }: ExtractionOptions = {},
): Promise<FeatureTable> {
  const { name, examples } = dataset;
  const forms = (only ? [only] : modalities).flatMap((modality) => {
    const present = Uint8Array.from(examples, (example) => Number(example[modality] !== undefined));
    return present.includes(1) ? [{ modality, dimension: encoders[modality].dimension, present }] : [];
  });
  const bytes = forms.reduce((sum, { dimension }) => sum + 4 * dimension * examples.length, 0);
  const parts: { column: WritableColumn; items: Item[] }[] = [];
  for (const form of forms) {
    const column =
      bytes > mostBytesInMemory
        ? await createFileColumn(cache ?? tmpdir(), form)
        : memoryColumn({ ...form, values: new Float32Array(examples.length * form.dimension) });
    parts.push({ column, items: await distinctItems(examples, form.modality) });
  }
  const total = parts.reduce((sum, { items }) => sum + items.length, 0);
  let done = 0;
  const count = (items: number) => {
    done += items;
    if (items > 0) onProgress?.(done, total);
    signal?.throwIfAborted();
  };
  const problems: ErrorItem[] = [];
  await Promise.all(parts.map((part) => fillColumn(encoders, part, { cache, problems, count })));
  if (problems.length > 0)
    throw new TandemError(
      'invalid-dataset',
      `${name} has ${problems.length} pictures or texts that cannot be encoded`,
      { items: problems.slice(0, 100) },
    );
  return { columns: parts.map(({ column }) => column), ...encodeTargets(dataset) };
}

/** Puts the features of all items in their rows: from the cache, or encoded and put there as well. */
async function fillColumn(
  encoders: Encoders,
  { column, items }: { column: WritableColumn; items: readonly Item[] },
  { cache, problems, count }: { cache?: string; problems: ErrorItem[]; count(items: number): void },
): Promise<void> {
  const { cacheKey, dimension } = encoders[column.modality];
  const known = cache === undefined ? undefined : await FeatureCache.open(cache, cacheKey, dimension);
  try {
    const missing: Item[] = [];
    for (const some of inBatches(items, itemsOfLookup)) {
      const found = (await known?.get(some.map(({ key }) => key))) ?? new Map<string, Float32Array>();
      for (const item of some) {
        const features = found.get(item.key);
        if (features) await place(column, item, features);
        else missing.push(item);
      }
      count(found.size);
    }
    const store: Store = async (batch, features) => {
      const usable: [Item, Float32Array][] = [];
      for (const [index, item] of batch.entries()) {
        if (features[index].every(Number.isFinite)) usable.push([item, features[index]]);
        else problems.push(notFinite(item, column.modality));
      }
      for (const [item, values] of usable) await place(column, item, values);
      await known?.put(usable.map(([{ key }, values]) => [key, values]));
      count(batch.length);
    };
    if (column.modality === 'image') await encodePictures(encoders, missing, problems, store);
    else await encodeTexts(encoders, missing, store);
  } finally {
    known?.close();
  }
}

/** One such number would spread to every weight. */
function notFinite({ example }: Item, modality: Modality): ErrorItem {
  const subject = modality === 'image' ? basename(example.image!) : 'its text';
  return {
    at: `row ${example.row}`,
    detail: `${subject}: the encoder answers with what is no finite number`,
  };
}

async function distinctItems(examples: readonly Example[], modality: Modality): Promise<Item[]> {
  const items = new Map<string, Item>();
  for (const [row, example] of examples.entries()) {
    if (example[modality] === undefined) continue;
    const { image, imageHash, text } = example;
    const key =
      modality === 'image'
        ? (imageHash ?? (await sha256OfFile(image!)))
        : createHash('sha256').update(text!).digest('hex');
    const item = items.get(key);
    if (item) item.rows.push(row);
    else items.set(key, { key, rows: [row], example });
  }
  return [...items.values()];
}

type Store = (batch: readonly Item[], features: readonly Float32Array[]) => Promise<void>;

async function encodePictures(
  encoders: Encoders,
  items: readonly Item[],
  problems: ErrorItem[],
  store: Store,
): Promise<void> {
  const { image: encoder, provider } = encoders;
  const encodeBatch = async (batch: readonly Item[]) => {
    const prepared = await Promise.all(
      batch.map(async (item) => {
        const { image, row } = item.example;
        return encoder.prepare(image!).then(
          (pixels) => [{ item, pixels }],
          (error) => {
            if (!(error instanceof TandemError)) throw error;
            problems.push({ at: `row ${row}`, detail: `${basename(image!)}: ${error.message}` });
            return [];
          },
        );
      }),
    );
    const readable = prepared.flat();
    const pixels = readable.map(({ pixels }) => pixels);
    await store(
      readable.map(({ item }) => item),
      pixels.length > 0 ? await encoder.encode(pixels) : [],
    );
  };
  await pMap(inBatches(items, picturesOfBatch[provider.provider]), encodeBatch, {
    concurrency: batchesInFlight(encoders),
  });
}

async function encodeTexts(encoders: Encoders, items: readonly Item[], store: Store): Promise<void> {
  const { text: encoder } = encoders;
  const tokens = new Map<Item, number[]>();
  const tokenize = async (item: Item) => tokens.set(item, await encoder.prepare(item.example.text!));
  await pMap(items, tokenize, { concurrency: textsTokenizedAtOnce });
  const byLength = Map.groupBy(items, (item) => tokens.get(item)!.length);
  const encodeBatch = async (batch: readonly Item[]) => {
    const filled = Array.from(
      { length: textsOfBatch },
      (_, index) => tokens.get(batch[Math.min(index, batch.length - 1)])!,
    );
    await store(batch, await encoder.encode(filled));
  };
  await pMap(
    [...byLength.values()].flatMap((group) => inBatches(group, textsOfBatch)),
    encodeBatch,
    { concurrency: batchesInFlight(encoders) },
  );
}

async function place(column: WritableColumn, { rows }: Item, features: Float32Array): Promise<void> {
  for (const row of rows) await column.write(row, features);
}
