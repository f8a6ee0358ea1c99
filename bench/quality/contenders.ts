import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SplitRows } from '../../src/datasets/split/split-rows.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import type { FeatureTable, MemoryColumn } from '../../src/training/features/feature-table.ts';
import { fitHead } from '../../src/training/loop/fit.ts';
import { recipeFor } from '../../src/training/loop/recipe.ts';
import { searchRecipe } from '../../src/training/search/recipe-search.ts';
import { PeerWorker } from '../peers/worker.ts';

export interface Split extends SplitRows {
  seed: number;
}

/** Class probabilities of every test row, by the name of who gives them. */
export type Answers = Record<string, ArrayLike<number>[]>;

export const tandemName = 'Tandem';

/** Trains a head as `tandem train` does, and asks the very model that would be served. */
export async function answersOfTandem(
  engine: Engine,
  features: FeatureTable<MemoryColumn>,
  split: Split,
  classes: number,
): Promise<Answers> {
  const { seed, train } = split;
  const { provider } = engine;
  const options = { classes, seed, provider, threads: 0 };
  const usual = { recipe: recipeFor(train.length, 'single'), calibration: undefined };
  const { recipe, calibration } = (await searchRecipe(features, train, { ...options, ...usual })) ?? usual;
  const { answers } = await fitHead(engine, features, split, { classes, recipe, calibration, seed });
  const uniform = new Float64Array(classes).fill(1 / classes);
  return {
    [tandemName]: answers.map(({ fused }) => fused),
    ...Object.fromEntries(
      features.columns.map(({ modality }) => [
        `${tandemName}, ${modality} only`,
        answers.map(({ unimodal }) => unimodal[modality] ?? uniform),
      ]),
    ),
  };
}

/** scikit-learn on the same features. What an example lacks is the mean. */
export class LogisticRegression {
  readonly #peer: PeerWorker;
  readonly #features: FeatureTable<MemoryColumn>;

  private constructor(peer: PeerWorker, features: FeatureTable<MemoryColumn>) {
    this.#peer = peer;
    this.#features = features;
  }

  static async start(features: FeatureTable<MemoryColumn>): Promise<LogisticRegression> {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-quality-'));
    const peer = await PeerWorker.start('logistic_regression.py');
    try {
      const write = async (name: string, content: Uint8Array | Float32Array) => {
        const file = path.join(folder, name);
        await writeFile(file, content);
        return file;
      };
      const files = features.columns.map(async ({ modality, values, present }) => ({
        features: await write(`${modality}.features`, values),
        present: await write(`${modality}.present`, present),
      }));
      const written = await Promise.all(files);
      await peer.call({
        command: 'load',
        features: written.map((file) => file.features),
        present: written.map((file) => file.present),
        labels: [...features.truth.values],
        rows: features.strata.length,
      });
      return new LogisticRegression(peer, features);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async answers(split: Split, classes: number): Promise<Answers> {
    const { joined, alone } = await this.#peer.call<{ joined: number[][]; alone: number[][][] }>({
      command: 'fit',
      classes,
      ...split,
    });
    return {
      'logistic regression, joined': joined,
      'logistic regression, late fusion': split.test.map((row, index) => {
        const known = this.#features.columns.flatMap(({ present }, m) =>
          present[row] ? [alone[m][index]] : [],
        );
        return known[0].map((_, label) => known.reduce((sum, one) => sum + one[label], 0) / known.length);
      }),
      ...Object.fromEntries(
        this.#features.columns.map(({ modality }, m) => [`logistic regression, ${modality} only`, alone[m]]),
      ),
    };
  }

  close(): Promise<void> {
    return this.#peer.close();
  }
}
