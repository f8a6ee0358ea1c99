import { tmpdir } from 'node:os';
import pMap from 'p-map';
import { throwIfCancelled } from '../../cancellation.ts';
import type { Dataset, Example } from '../../datasets/example.ts';
import type { Encoder } from '../../encoders/encoder.ts';
import type { Encoders } from '../../encoders/encoders.ts';
import type { PooledEncoder } from '../../encoders/pooled-encoder.ts';
import { type ErrorItem, TandemError } from '../../errors.ts';
import { itemAt } from '../../indexing.ts';
import {
  type ModalityName,
  type PretrainedName,
  pretrainedNames,
  pretrainedOf,
} from '../../modalities/registry.ts';
import { encodeTruths } from '../../targets/encode-truths.ts';
import { FeatureCache } from './feature-cache.ts';
import { createFileColumn } from './feature-file.ts';
import { type FeatureTable, memoryColumn, type WritableColumn } from './feature-table.ts';
import { type Fitting, fittedColumns } from './fitted-columns.ts';
import { inBatches } from './in-batches.ts';

export interface ExtractionOptions {
  /** Folder of the features that earlier extractions left; without it everything is encoded. */
  cache?: string;
  /** Features that take more bytes than this lie in a file without a name, beside the cache or among temporary files. */
  mostBytesInMemory?: number;
  /** Those to encode; default: all that there are. */
  modalities?: readonly ModalityName[];
  /** What the features of fitted modalities are made by; without it they get no column. */
  fitting?: Fitting;
  signal?: AbortSignal;
  /** Counts the distinct items. */
  onProgress?(done: number, total: number): void;
}

/** Batches that are prepared or encoded at a time: one on every engine, and while they are encoded the next. */
const batchesInFlight = ({ engines }: Encoders) => Math.max(3, engines + 1);
/** Items that are prepared or wait for it at a time, where all are before any is encoded: enough to keep the threads busy. */
const preparedAtOnce = 256;
/** Items that are looked up in the cache at a time. */
const itemsOfLookup = 1024;

/** Content of a dataset, and the rows that have it. */
interface Item {
  /** sha256 of its content. */
  key: string;
  rows: number[];
  example: Example;
}

/** The column of a modality, and what is to be put in it. */
interface Filling {
  modality: PretrainedName;
  column: WritableColumn;
  items: readonly Item[];
}

/**
 * Encodes every distinct image and text of a dataset that no earlier extraction encoded. A modality that no example
 * has gets no column; where several encoders make its features, these stand one behind the other. An encoder is loaded where
 * there is something to encode.
 * @throws TandemError `invalid-dataset` naming every row whose image cannot be decoded or has features that are not
 *   finite; `job-cancelled` where the signal aborts, and then what was encoded is kept
 */
export async function extractFeatures(
  encoders: Encoders,
  dataset: Dataset,
  {
    cache,
    mostBytesInMemory = 768 * 2 ** 20,
    modalities,
    fitting,
    signal,
    onProgress,
  }: ExtractionOptions = {},
): Promise<FeatureTable> {
  const { name, examples } = dataset;
  const forms = pretrainedNames.flatMap((modality) => {
    if (modalities && !modalities.includes(modality)) return [];
    const present = Uint8Array.from(examples, ({ content }) => Number(content[modality] !== undefined));
    const dimension = encoders.byModality[modality].reduce((sum, one) => sum + one.dimension, 0);
    return present.includes(1) ? [{ modality, dimension, present }] : [];
  });
  const bytes = forms.reduce((sum, { dimension }) => sum + 4 * dimension * examples.length, 0);
  const fillings: Filling[] = [];
  for (const form of forms) {
    const column =
      bytes > mostBytesInMemory
        ? await createFileColumn(cache ?? tmpdir(), form)
        : memoryColumn({ ...form, values: new Float32Array(examples.length * form.dimension) });
    const { modality } = form;
    fillings.push({ modality, column, items: await distinctItems(examples, modality) });
  }
  const total = fillings.reduce(
    (sum, { modality, items }) => sum + items.length * encoders.byModality[modality].length,
    0,
  );
  let done = 0;
  const count = (items: number) => {
    done += items;
    if (items > 0) onProgress?.(done, total);
    throwIfCancelled(signal, 'while encoding');
  };
  const problems = (
    await Promise.all(fillings.map((filling) => fillColumn(encoders, filling, { cache, count })))
  ).flat();
  if (problems.length > 0)
    throw new TandemError(
      'invalid-dataset',
      `${name} has ${problems.length} images or texts that cannot be encoded`,
      { items: problems.slice(0, 100) },
    );
  const fitted = fitting ? fittedColumns(dataset, fitting, modalities) : [];
  return { columns: [...fillings.map(({ column }) => column), ...fitted], ...encodeTruths(dataset) };
}

interface Counting {
  cache?: string;
  count(items: number): void;
}

/**
 * Puts the features of all items in their rows, those of one encoder after the other.
 * @returns what is wrong with those that cannot be encoded, by the first encoder that cannot
 */
async function fillColumn(
  encoders: Encoders,
  { modality, column, items }: Filling,
  counting: Counting,
): Promise<ErrorItem[]> {
  let from = 0;
  for (const encoder of encoders.byModality[modality]) {
    const problems = await fillPart(encoders, { encoder, column, from, items }, counting);
    if (problems.length > 0) return problems;
    from += encoder.dimension;
  }
  return [];
}

/** What an encoder is to put in a column, and where it begins in a row. */
interface Part {
  encoder: PooledEncoder;
  column: WritableColumn;
  from: number;
  items: readonly Item[];
}

/** The features of one encoder: from the cache, or encoded and put there as well. */
async function fillPart(
  encoders: Encoders,
  { encoder, column, from, items }: Part,
  { cache, count }: Counting,
): Promise<ErrorItem[]> {
  const { cacheKey, dimension, modality } = encoder;
  const place = async ({ rows }: Item, features: Float32Array) => {
    for (const row of rows) await column.write(row, features, from);
  };
  const known = cache === undefined ? undefined : await FeatureCache.open(cache, cacheKey, dimension);
  try {
    const missing: Item[] = [];
    for (const some of inBatches(items, itemsOfLookup)) {
      const found = (await known?.get(some.map(({ key }) => key))) ?? new Map<string, Float32Array>();
      for (const item of some) {
        const features = found.get(item.key);
        if (features) await place(item, features);
        else missing.push(item);
      }
      count(found.size);
    }
    const store: Store = async (batch, features) => {
      const encoded = batch.map((item, index) => ({ item, values: itemAt(features, index) }));
      const { usable = [], unusable = [] } = Object.groupBy(encoded, ({ values }) =>
        values.every(Number.isFinite) ? 'usable' : 'unusable',
      );
      for (const { item, values } of usable) await place(item, values);
      await known?.put(usable.map(({ item, values }) => [item.key, values]));
      count(batch.length);
      return unusable.map(({ item }) => notFinite(item, modality));
    };
    if (missing.length === 0) return [];
    // What keeps an encoder from being loaded is no item's fault.
    await encoder.load();
    const { shapeOf } = pretrainedOf(modality);
    const encode = shapeOf ? encodeByShape : encodeAsTheyCome;
    return await encode(encoders, { encoder, items: missing, store });
  } finally {
    known?.close();
  }
}

/** One such number would spread to every weight. */
function notFinite({ example }: Item, modality: PretrainedName): ErrorItem {
  return {
    at: `row ${example.row}`,
    detail: `${subjectOf(example, modality)}: the encoder answers with what is no finite number`,
  };
}

/** What an example calls its content of a modality. */
function subjectOf({ content }: Example, modality: PretrainedName): string {
  return pretrainedOf(modality).subjectOf(content[modality]);
}

async function distinctItems(examples: readonly Example[], modality: PretrainedName): Promise<Item[]> {
  const items = new Map<string, Item>();
  const { sha256Of } = pretrainedOf(modality);
  for (const [row, example] of examples.entries()) {
    const reference = example.content[modality];
    if (reference === undefined) continue;
    const key = await sha256Of(reference);
    const item = items.get(key);
    if (item) item.rows.push(row);
    else items.set(key, { key, rows: [row], example });
  }
  return [...items.values()];
}

/** Keeps the features of items; returns what is wrong with those that cannot be kept. */
type Store = (batch: readonly Item[], features: readonly Float32Array[]) => Promise<ErrorItem[]>;

interface Encoding {
  encoder: PooledEncoder;
  items: readonly Item[];
  store: Store;
}

/** Encodes items and stores their features; returns what is wrong with those that it cannot encode. */
type Encode = (encoders: Encoders, encoding: Encoding) => Promise<ErrorItem[]>;

/** Prepares and encodes batch by batch: what is prepared takes much memory, and batches may have any size. */
const encodeAsTheyCome: Encode = async (encoders, { encoder, items, store }) => {
  const { batchItems } = pretrainedOf(encoder.modality);
  const encodeBatch = async (batch: readonly Item[]) => {
    const { prepared, problems } = sorted(await Promise.all(batch.map((item) => prepare(encoder, item))));
    const notStored = await store(
      prepared.map(({ item }) => item),
      prepared.length > 0 ? await encoder.encode(prepared.map(({ content }) => content)) : [],
    );
    return [...problems, ...notStored];
  };
  const problems = await pMap(inBatches(items, batchItems[encoders.provider.provider]), encodeBatch, {
    concurrency: batchesInFlight(encoders),
  });
  return problems.flat();
};

/** Prepares all, then encodes them in batches of one shape that are always full; see `Modality.shapeOf`. */
const encodeByShape: Encode = async (encoders, { encoder, items, store }) => {
  const { batchItems, shapeOf } = pretrainedOf(encoder.modality);
  const size = batchItems[encoders.provider.provider];
  const { prepared, problems } = sorted(
    await pMap(items, (item) => prepare(encoder, item), { concurrency: preparedAtOnce }),
  );
  const byShape = Map.groupBy(prepared, ({ content }) => shapeOf?.(content));
  const encodeBatch = async (batch: readonly PreparedItem[]) => {
    const filled = Array.from({ length: size }, (_, index) =>
      itemAt(batch, Math.min(index, batch.length - 1)),
    );
    return store(
      batch.map(({ item }) => item),
      await encoder.encode(filled.map(({ content }) => content)),
    );
  };
  const notStored = await pMap(
    [...byShape.values()].flatMap((group) => inBatches(group, size)),
    encodeBatch,
    { concurrency: batchesInFlight(encoders) },
  );
  return [...problems, ...notStored.flat()];
};

interface PreparedItem {
  item: Item;
  content: unknown;
}

type Preparation = PreparedItem | { problem: ErrorItem };

function sorted(preparations: readonly Preparation[]): { prepared: PreparedItem[]; problems: ErrorItem[] } {
  return {
    prepared: preparations.flatMap((one) => ('problem' in one ? [] : [one])),
    problems: preparations.flatMap((one) => ('problem' in one ? [one.problem] : [])),
  };
}

async function prepare(encoder: Encoder, item: Item): Promise<Preparation> {
  const { example } = item;
  const input = pretrainedOf(encoder.modality).inputOf(example.content[encoder.modality]);
  try {
    return { item, content: await encoder.prepare(input) };
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    const detail = `${subjectOf(example, encoder.modality)}: ${error.message}`;
    return { problem: { at: `row ${example.row}`, detail } };
  }
}
