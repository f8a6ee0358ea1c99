import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type AdapterForm, type HeadArchitecture, initialParameters } from '../../src/arl/architecture.ts';
import type { Parameters } from '../../src/arl/parameters.ts';
import { stepInputs } from '../../src/arl/training-step.ts';
import { loopInputName } from '../../src/graph/emit.ts';
import type { OptimizerSettings } from '../../src/graph/optimizer.ts';
import { Random } from '../../src/random.ts';
import { single } from '../../src/targets/single.ts';
import {
  type FeatureTable,
  type MemoryColumn,
  memoryColumn,
} from '../../src/training/features/feature-table.ts';
import { Batches } from '../../src/training/loop/batches.ts';
import { cosineRate, type Recipe } from '../../src/training/loop/recipe.ts';

/** One row of the results. */
export interface Workload {
  optimizer: OptimizerSettings['name'];
  adapter: AdapterForm;
  classes: number;
  batchSize: number;
  threads: number;
}

export const rows = 5000;
export const seed = 7;
const dimensions = { image: 1280, text: 384 };
const hidden = 256;

const optimizers: Record<Workload['optimizer'], Pick<Recipe, 'optimizer' | 'learningRate'>> = {
  sgd: { optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 }, learningRate: 0.01 },
  adamw: {
    optimizer: { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 },
    learningRate: 1e-3,
  },
};

/** ARL in full, with auxiliary losses and clipping, and a warm-up that ends within the first steps. No dropout. */
export function recipeOf({ optimizer, adapter, batchSize }: Workload, steps: number): Recipe {
  return {
    ...optimizers[optimizer],
    adapter,
    hidden,
    batchSize,
    strategy: 'arl',
    variance: 'entropy',
    classWeights: 'none',
    lexical: 'off',
    fusion: 'concat',
    dropout: 0,
    featureNorm: 16,
    gamma: 2,
    smoothing: 0,
    temperature: 4,
    warmUpShare: 0.1,
    epochs: 0,
    minimumSteps: steps,
    clipNorm: 1,
  };
}

export function architectureOf({ adapter, classes }: Workload): HeadArchitecture {
  return {
    dimensions: Object.values(dimensions),
    hidden,
    classes,
    adapter,
    fusion: 'concat',
    target: single.loss,
  };
}

/** Noise around a point for each class, so that the loss falls as it does on real features. */
export function makeTable(classes: number): FeatureTable<MemoryColumn> {
  const random = new Random(seed, 'rows');
  const labels = Int32Array.from({ length: rows }, () => random.nextInteger(classes));
  const columns = Object.entries(dimensions).map(([modality, dimension]) => {
    const centres = Float32Array.from({ length: classes * dimension }, () => random.nextFloat() - 0.5);
    const values = Float32Array.from({ length: rows * dimension }, (_, index) => {
      const label = labels[Math.floor(index / dimension)];
      return centres[label * dimension + (index % dimension)] + 2 * (random.nextFloat() - 0.5);
    });
    return memoryColumn({
      modality: modality as 'image' | 'text',
      dimension,
      values,
      present: new Uint8Array(rows).fill(1),
    });
  });
  return { columns, strata: labels, truth: { target: 'single', columns: 1, values: labels } };
}

/** The parameters that `trainHead` starts from. */
export function startOf(workload: Workload): Parameters<Float32Array> {
  const random = new Random(seed, 'initial parameters');
  return initialParameters(architectureOf(workload), () => random.nextFloat());
}

/** Rows of the table in the order in which `trainHead` takes them. */
function batchRows({ batchSize }: Workload, table: FeatureTable, steps: number): Int32Array {
  const batches = new Batches(table, { batchSize, seed, dropout: 0, partial: false });
  return batches.feeds(0, steps)[loopInputName(stepInputs.rows)].data as Int32Array;
}

/** Writes what PyTorch needs to repeat a training, and tells it where. */
export async function peerRequest(
  folder: string,
  workload: Workload,
  table: FeatureTable<MemoryColumn>,
  steps: number,
) {
  const recipe = recipeOf(workload, steps);
  const write = async (name: string, data: Float32Array | Int32Array) => {
    const file = path.join(folder, name);
    await writeFile(file, data);
    return file;
  };
  const files = {
    features: await Promise.all(table.columns.map(({ modality, values }) => write(modality, values))),
    labels: await write('labels', Int32Array.from(table.truth.values)),
    order: await write('order', batchRows(workload, table, steps)),
    parameters: Object.fromEntries(
      await Promise.all(
        Object.entries(startOf(workload)).map(async ([name, values]) => [name, await write(name, values)]),
      ),
    ),
  };
  const rate = cosineRate(recipe, steps);
  const warmUpSteps = Math.round(recipe.warmUpShare * steps);
  const schedule = Array.from({ length: steps }, (_, step) => ({
    rate: rate(step),
    gamma: step < warmUpSteps ? 1 : recipe.gamma,
    residual: step < warmUpSteps ? 0 : 1,
  }));
  return { command: 'load', ...workload, ...architectureOf(workload), ...recipe, files, schedule };
}
