import pMap from 'p-map';
import { TandemError } from '../errors.ts';
import { itemAt, valueFor } from '../indexing.ts';
import type { Input } from '../modalities/modality.ts';
import { type PretrainedName, pretrainedOf } from '../modalities/registry.ts';
import type { Encoder } from './encoder.ts';
import type { Encoders } from './encoders.ts';
import { joinFeatures } from './join-features.ts';
import type { PooledEncoder } from './pooled-encoder.ts';

/** Features of an item, or what is wrong with it. */
export type EncodedItem = Float32Array | TandemError;

/** Texts that are prepared at a time: enough to keep the threads busy. */
const preparedAtOnce = 256;

interface Prepared {
  input: Input;
  content: unknown;
}

/**
 * Encodes many items of a modality, each distinct one once; features of several encoders are concatenated. The batches depend
 * on the items alone, so that the same items get the same features to the last bit.
 * @returns features, or the error of the item, in the order of the items
 * @throws TandemError `out-of-memory`; the signal's reason where it aborts
 * @example const [features] = await encodeMany(encoders, 'text', ['a red bike']); // 384 numbers
 */
export async function encodeMany(
  encoders: Encoders,
  modality: PretrainedName,
  inputs: readonly Input[],
  signal?: AbortSignal,
): Promise<EncodedItem[]> {
  const [first, ...others] = encoders.byModality[modality];
  let rows = await encodeWith(first, encoders, inputs, signal);
  for (const encoder of others) {
    const more = await encodeWith(encoder, encoders, inputs, signal);
    rows = rows.map((row, index) => bothOf(row, itemAt(more, index)));
  }
  return rows;
}

/** The features of both, one behind the other, or what is wrong with the item. */
function bothOf(one: EncodedItem, other: EncodedItem): EncodedItem {
  if (one instanceof TandemError) return one;
  return other instanceof TandemError ? other : joinFeatures([one, other]);
}

async function encodeWith(
  encoder: PooledEncoder,
  { provider: { provider }, engines }: Encoders,
  inputs: readonly Input[],
  signal?: AbortSignal,
): Promise<EncodedItem[]> {
  const { shapeOf, batchItems, budgets } = pretrainedOf(encoder.modality);
  if (inputs.length > 0) await encoder.load();
  // One on every engine, and while they are encoded the next.
  const inFlight = { concurrency: Math.max(3, engines + 1), signal };
  const known = new Map<Input, EncodedItem>();
  const encodeBatch = async (batch: readonly Prepared[]) => {
    if (batch.length === 0) return;
    const features = await encoder.encode(batch.map(({ content }) => content));
    for (const [index, { input, content }] of batch.entries()) {
      known.set(input, finite(itemAt(features, index)));
      encoder.release?.(content);
    }
  };
  const distinct = [...new Set(inputs)];
  const prepare = async (input: Input): Promise<Prepared[]> => {
    try {
      return [{ input, content: await encoder.prepare(input, { signal, mayWait: true }) }];
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      known.set(input, error);
      return [];
    }
  };
  if (shapeOf) {
    const prepared = await pMap(distinct, prepare, { concurrency: preparedAtOnce, signal });
    const budget = encoder.fitBudget(budgets[provider]);
    await pMap(alikeBatches(prepared.flat(), encoder, budget), encodeBatch, inFlight);
  } else {
    // What is prepared takes much memory.
    const batches = inGroups(distinct, batchItems[provider]);
    const prepareBatch = (batch: readonly Input[]) => Promise.all(batch.map(prepare));
    await pMap(batches, async (batch) => encodeBatch((await prepareBatch(batch)).flat()), inFlight);
  }
  return inputs.map((input) => valueFor(known, input));
}

function inGroups<Each>(items: readonly Each[], size: number): Each[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, group) =>
    items.slice(group * size, (group + 1) * size),
  );
}

/**
 * Batches of items of like cost, so that few are padded: the shortest first, and the next batch where padding would cost
 * more than a run of its own.
 */
function alikeBatches(items: readonly Prepared[], encoder: Encoder, budget: number): Prepared[][] {
  const costed = items.map((item) => ({ item, cost: encoder.paddedCostOf(item.content) }));
  const batches: Prepared[][] = [];
  let batch: Prepared[] = [];
  let longest = 0;
  for (const { item, cost } of costed.toSorted((a, b) => a.cost - b.cost)) {
    const padding = (cost - longest) * batch.length;
    if (batch.length === 0 || cost * (batch.length + 1) > budget || padding > encoder.overhead) {
      batch = [];
      batches.push(batch);
    }
    batch.push(item);
    longest = cost;
  }
  return batches;
}

/** What is no finite number would make every figure of the answer one. */
function finite(features: Float32Array): EncodedItem {
  if (features.every(Number.isFinite)) return features;
  return new TandemError('internal', 'the encoder answers with what is no finite number');
}
