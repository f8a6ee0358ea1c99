import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SplitRows } from '../../src/datasets/split/split-rows.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { withCompanions } from '../../src/training/features/companion-columns.ts';
import type { FeatureTable } from '../../src/training/features/feature-table.ts';
import { fitHead } from '../../src/training/loop/fit.ts';
import { chooseRecipe, type Recipe, recipeFor } from '../../src/training/loop/recipe.ts';
import { rankModalities } from '../../src/training/search/modality-ranking.ts';
import { calibrateRecipe, searchRecipe } from '../../src/training/search/recipe-search.ts';
import { PeerWorker } from '../peers/worker.ts';
import type { LabelledFeatures } from './sets/quality-set.ts';

export interface Split extends SplitRows {
  seed: number;
}

/** Class probabilities of every test row, by the name of who gives them. */
export type Answers = Record<string, ArrayLike<number>[]>;

export const tandemName = 'Tandem';

/** Trains a head as `tandem train` does, and asks the very model that would be served. */
export async function answersOfTandem(
  engine: Engine,
  { table, texts = [], classes }: LabelledFeatures,
  split: Split,
): Promise<Answers> {
  const { seed, train } = split;
  const examples = texts.map((text) => ({ content: text === '' ? {} : { text } }));
  const features =
    texts.length > 0 ? { ...table, columns: withCompanions(table.columns, { examples }) } : table;
  const { provider } = engine;
  const options = { classes, seed, provider, threads: 0 };
  const usual = { recipe: recipeFor(train.length, 'single'), calibration: undefined };
  const { recipe, calibration } = (await searchRecipe(features, train, { ...options, ...usual })) ?? usual;
  const { answers } = await fitHead(engine, features, split, { classes, recipe, calibration, seed });
  const ranked = await answersOfPdmp(engine, features, split, { classes, recipe, seed });
  const uniform = new Float64Array(classes).fill(1 / classes);
  return {
    [tandemName]: answers.map(({ fused }) => fused),
    ...(ranked && { [`${tandemName}, pdmp`]: ranked }),
    ...Object.fromEntries(
      features.columns.map(({ modality }) => [
        `${tandemName}, ${modality} only`,
        answers.map(({ unimodal }) => unimodal[modality] ?? uniform),
      ]),
    ),
  };
}

/** The same recipe with the strategy `pdmp`, ranked and calibrated on the training rows; of one modality there is nothing to rank. */
async function answersOfPdmp(
  engine: Engine,
  table: FeatureTable,
  split: Split,
  options: { classes: number; recipe: Recipe; seed: number },
): Promise<Float64Array[] | undefined> {
  if (table.columns.length < 2) return undefined;
  const asked = { ...options, recipe: { ...options.recipe, ...chooseRecipe({ strategy: 'pdmp' }) } };
  const recipe = await rankModalities([engine], table, split.train, asked);
  const { calibration } = await calibrateRecipe(engine, table, split.train, { ...asked, recipe });
  const { answers } = await fitHead(engine, table, split, { ...asked, recipe, calibration });
  return answers.map(({ fused }) => fused);
}

/** scikit-learn's answers on the same features: every rival of `peers/rivals.py`. */
export class Rivals {
  readonly #peer: PeerWorker;

  private constructor(peer: PeerWorker) {
    this.#peer = peer;
  }

  static async start({ table, texts }: LabelledFeatures): Promise<Rivals> {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-quality-'));
    const peer = await PeerWorker.start('rivals.py');
    try {
      const write = async (name: string, content: Uint8Array | Float32Array) => {
        const file = path.join(folder, name);
        await writeFile(file, content);
        return file;
      };
      const files = table.columns.map(async ({ modality, values, present }) => ({
        features: await write(`${modality}.features`, values),
        present: await write(`${modality}.present`, present),
      }));
      const written = await Promise.all(files);
      await peer.call({
        command: 'load',
        modalities: table.columns.map(({ modality }) => modality),
        features: written.map((file) => file.features),
        present: written.map((file) => file.present),
        labels: [...table.truth.values],
        texts,
        rows: table.strata.length,
      });
      return new Rivals(peer);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  answers(split: Split, classes: number): Promise<Answers> {
    return this.#peer.call<Answers>({ command: 'fit', classes, ...split });
  }

  close(): Promise<void> {
    return this.#peer.close();
  }
}
