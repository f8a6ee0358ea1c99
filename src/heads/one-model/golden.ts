import { loadEncoder } from '../../encoders/encoder.ts';
import { joinFeatures } from '../../encoders/join-features.ts';
import { itemAt, required, valueFor } from '../../indexing.ts';
import { batchShapes } from '../../modalities/batch-shapes.ts';
import type { Input } from '../../modalities/modality.ts';
import { type PretrainedName, pretrainedOf } from '../../modalities/registry.ts';
import type { Engine } from '../../runtime/engine.ts';
import { float32, rowsOf, type Tensor, type Tensors } from '../../runtime/tensor.ts';
import { withCompanion } from '../companions.ts';
import { type EncoderLookup, type Head, type ItemProbabilities, loadHead } from '../head.ts';
import type { ItemFeatures } from '../item-features.ts';
import type { HeadVersion } from '../registry/head-reading.ts';
import { answersAlone, answersOutput } from './answers.ts';
import type { LinkedEncoder, OneModel } from './one-model.ts';

/** Some items as what one model takes, and the answers of the head, as a server makes them. */
export interface Golden {
  inputs: Tensors;
  answers: readonly ItemProbabilities[];
}

/** An item of each kind: with everything, and with one modality alone. */
interface GoldenItem {
  content: ReadonlyMap<PretrainedName, Input>;
  has: ReadonlySet<PretrainedName>;
}

/**
 * Asks a head of a few images and texts, together and alone.
 * @param engine runs the encoders and the head as they are, on the CPU
 * @example const { inputs, answers } = await makeGolden(engine, version, { one, lookup });
 */
export async function makeGolden(
  engine: Engine,
  version: HeadVersion,
  { one, lookup }: { one: Omit<OneModel, 'model'>; lookup: EncoderLookup },
): Promise<Golden> {
  const items = await goldenItems([...new Set(one.encoders.map(({ modality }) => modality))]);
  const head = await loadHead(engine, version, lookup);
  const features: ItemFeatures[] = items.map(() => ({}));
  let inputs: Tensors = {};
  for (const linked of one.encoders) {
    const contents = items.map(({ content }) => valueFor(content, linked.modality));
    const made = await encodeAll(engine, linked, contents);
    inputs = { ...inputs, ...made.inputs };
    for (const [index, own] of made.features.entries()) {
      const item = itemAt(features, index);
      item[linked.modality] = joinFeatures([item[linked.modality] ?? new Float32Array(), own]);
    }
  }
  const companions = await companionInputs(head, one, { items, features });
  const known = items.map(({ has }, index) =>
    Object.fromEntries(
      Object.entries(itemAt(features, index)).filter(([name]) => has.has(name as PretrainedName)),
    ),
  );
  const answers = await head.classify(known);
  await head.release();
  const presence = [...one.presence].map(([modality, name]) => [name, presenceOf(items, modality)] as const);
  return { inputs: { ...inputs, ...companions, ...Object.fromEntries(presence) }, answers };
}

/** Two items with everything, the first of which comes again with one modality at a time. */
async function goldenItems(modalities: readonly PretrainedName[]): Promise<GoldenItem[]> {
  const varieties = new Map<PretrainedName, readonly Input[]>();
  for (const name of modalities)
    varieties.set(name, (await pretrainedOf(name).variety()) as readonly Input[]);
  const content = (index: number) =>
    new Map(modalities.map((name) => [name, itemAt(valueFor(varieties, name), index)] as const));
  const all = new Set(modalities);
  const alone = modalities.length > 1 ? modalities.map((name) => new Set([name])) : [];
  return [
    { content: content(1), has: all },
    { content: content(2), has: all },
    ...alone.map((has) => ({ content: content(1), has })),
  ];
}

async function encodeAll(
  engine: Engine,
  { encoder, modality, inputs: names }: LinkedEncoder,
  contents: readonly Input[],
) {
  const { folder, preprocessing } = encoder;
  const preparation = await pretrainedOf(modality).open({ folder, preprocessing, shapes: batchShapes.cpu });
  const loaded = await loadEncoder(engine, modality, folder);
  try {
    const prepared = await Promise.all(contents.map((content) => preparation.prepare(content)));
    // What an engine runs is moved to it: the batch is joined once for each.
    const batch = preparation.join(prepared);
    return {
      features: await loaded.encode(prepared),
      inputs: Object.fromEntries(
        Object.entries(batch).map(([name, tensor]) => [required(names[name], name), tensor]),
      ),
    };
  } finally {
    await Promise.all([loaded.close(), preparation.close()]);
  }
}

/** The features that stand beside an encoder's, which are added to those of the items as well. */
async function companionInputs(
  { companions }: Head,
  one: Pick<OneModel, 'companions'>,
  { items, features }: { items: readonly GoldenItem[]; features: readonly ItemFeatures[] },
): Promise<Tensors> {
  const tensors: Tensors = {};
  for (const [modality, name] of one.companions) {
    const rows: Float32Array[] = [];
    for (const [index, { content }] of items.entries()) {
      const item = itemAt(features, index);
      const own = required(item[modality], `the features of ${modality}`);
      const whole = await withCompanion(companions, modality, valueFor(content, modality), own);
      item[modality] = whole;
      rows.push(whole.subarray(own.length));
    }
    tensors[name] = float32([rows.length, itemAt(rows, 0).length], joinFeatures(rows));
  }
  return tensors;
}

function presenceOf(items: readonly GoldenItem[], modality: PretrainedName): Tensor {
  return {
    type: 'bool',
    dims: [items.length, 1],
    data: Uint8Array.from(items, ({ has }) => (has.has(modality) ? 1 : 0)),
  };
}

/**
 * How far answers that a model gave are from those of the head, at most: of what items have, together and alone.
 * @example largestDifference(await session.run(golden.inputs), golden.answers) // 1.8e-7
 */
export function largestDifference(outputs: Tensors, answers: readonly ItemProbabilities[]): number {
  const differences = answers.flatMap(({ fused, unimodal }, index) =>
    [
      [answersOutput, fused] as const,
      ...Object.entries(unimodal).map(([name, own]) => [answersAlone(name), own] as const),
    ].map(([name, expected]) => {
      const row = itemAt(rowsOf(outputs, name), index);
      return Math.max(...expected.map((value, column) => Math.abs(value - itemAt(row, column))));
    }),
  );
  // A difference that is no number is larger than any.
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...differences);
}
