import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Engine } from '../../src/runtime/engine.ts';
import type { FeatureTable } from '../../src/training/feature-table.ts';
import { fitHead, type SplitRows } from '../../src/training/fit.ts';
import type { Recipe } from '../../src/training/recipe.ts';
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
  features: FeatureTable,
  split: Split,
  { classes, recipe }: { classes: number; recipe: Recipe },
): Promise<Answers> {
  const { answers } = await fitHead(engine, features, split, { classes, recipe, seed: split.seed });
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

/** scikit-learn on the same features. What an example lacks is zero. */
export class LogisticRegression {
  readonly #peer: PeerWorker;
  readonly #features: FeatureTable;

  private constructor(peer: PeerWorker, features: FeatureTable) {
    this.#peer = peer;
    this.#features = features;
  }

  static async start(features: FeatureTable): Promise<LogisticRegression> {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-quality-'));
    const peer = await PeerWorker.start('logistic_regression.py');
    try {
      const files = features.columns.map(({ modality }) => path.join(folder, `${modality}.float32`));
      for (const [m, { values }] of features.columns.entries()) await writeFile(files[m], values);
      const labels = [...features.labels];
      await peer.call({ command: 'load', features: files, labels, rows: labels.length });
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
      'logistic regression, late fusion': joined.map((row, index) =>
        row.map((_, label) => alone.reduce((sum, rows) => sum + rows[index][label], 0) / alone.length),
      ),
      ...Object.fromEntries(
        this.#features.columns.map(({ modality }, m) => [`logistic regression, ${modality} only`, alone[m]]),
      ),
    };
  }

  close(): Promise<void> {
    return this.#peer.close();
  }
}
