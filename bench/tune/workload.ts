import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { initialParameters } from '../../src/arl/architecture.ts';
import { adapterInput, isTailParameter, type Tail, tailParameter } from '../../src/arl/tail.ts';
import { stepInputs } from '../../src/arl/training-step.ts';
import { loopInputName } from '../../src/graph/emit.ts';
import { Random } from '../../src/random.ts';
import { single } from '../../src/targets/single.ts';
import {
  type FeatureTable,
  type MemoryColumn,
  memoryColumn,
} from '../../src/training/features/feature-table.ts';
import { Batches } from '../../src/training/loop/batches.ts';
import { cosineRate, defaultRecipe, type Recipe } from '../../src/training/loop/recipe.ts';
import type { TrainingOptions } from '../../src/training/loop/trainer.ts';

/** One row of the results. */
export interface Workload {
  /** Blocks of MiniLM that are trained. */
  blocks: number;
  /** Of LoRA's adapters; 0 where every weight is trained. */
  rank: number;
  batchSize: number;
  tokens: number;
  threads: number;
}

export const [width, classes, rows, seed] = [384, 10, 512, 7];
const learningRate = 3e-4;

/** As `tuningRecipe` has it, but for what differs from what a person writes in PyTorch: neither dropout nor weight decay. */
export function recipeOf({ batchSize }: Workload, steps: number): Recipe {
  return {
    ...defaultRecipe,
    optimizer: { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    ...{ strategy: 'joint', learningRate, dropout: 0, smoothing: 0, batchSize },
    ...{ epochs: 0, minimumSteps: steps, lexical: 'off' },
  };
}

function architectureOf(tail: Tail) {
  const { hidden, adapter, fusion } = defaultRecipe;
  return { dimensions: [width], hidden, classes, adapter, fusion, tails: [tail], target: single.loss };
}

/** What a training begins with. */
function initialOf(tail: Tail): Record<string, Float32Array> {
  const random = new Random(seed, 'initial parameters');
  return initialParameters(architectureOf(tail), () => random.nextFloat());
}

/** What the tail's parameters begin with, by their own names. */
function initialTail(tail: Tail): Record<string, Float32Array> {
  const all = initialOf(tail);
  return Object.fromEntries(
    Object.keys(tail.parameterShapes).map((name) => [name, all[tailParameter(0, name)]]),
  );
}

/** The options of a training, and what it starts from. */
export function trainingOf(tail: Tail, workload: Workload, steps: number): TrainingOptions {
  const parameters = initialOf(tail);
  const start = Object.fromEntries(Object.entries(parameters).filter(([name]) => !isTailParameter(name)));
  return {
    ...{ classes, seed, recipe: recipeOf(workload, steps) },
    tuning: { tails: [tail], dimensions: [width], start, tailRates: [tail.learningRate / learningRate] },
  };
}

/** What a trunk gives of texts of all lengths up to the greatest, or what looks like it: rows of normal numbers. */
export function makeTable({ tokens }: Workload): FeatureTable<MemoryColumn> {
  const random = new Random(seed, 'rows');
  const labels = Int32Array.from({ length: rows }, () => random.nextInteger(classes));
  const dimension = tokens * (width + 1);
  const values = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const length = tokens / 4 + random.nextInteger((3 * tokens) / 4 + 1);
    for (let token = 0; token < length; token++) {
      const from = row * dimension + token * (width + 1);
      for (let column = 0; column < width; column++) values[from + column] = random.nextNormal();
      values[from + width] = 1;
    }
  }
  const column = memoryColumn({
    ...{ modality: 'text' as const, dimension, values, present: new Uint8Array(rows).fill(1) },
  });
  return { columns: [column], strata: labels, truth: { target: 'single', columns: 1, values: labels } };
}

/** Writes what PyTorch needs to repeat a training, and tells it where. @param weights the blocks', by their own names */
export async function peerRequest(
  folder: string,
  {
    workload,
    table,
    tail,
    weights,
    steps,
  }: {
    workload: Workload;
    table: FeatureTable<MemoryColumn>;
    tail: Tail;
    weights: Readonly<Record<string, Float32Array>>;
    steps: number;
  },
) {
  const write = async (name: string, data: Float32Array | Int32Array) => {
    const file = path.join(folder, name);
    await writeFile(file, data);
    return file;
  };
  const { recipe, tuning } = trainingOf(tail, workload, steps);
  const adapters = Object.entries(initialTail(tail)).filter(([name]) => name.endsWith(adapterInput));
  const parameters = { ...tuning?.start, ...weights, ...Object.fromEntries(adapters) };
  const batches = new Batches(table, { batchSize: workload.batchSize, seed, dropout: 0, partial: false });
  const order = batches.feeds(0, steps)[loopInputName(stepInputs.rows)].data as Int32Array;
  const rate = cosineRate(recipe, steps);
  return {
    ...{ command: 'load', ...workload, width, classes, hidden: recipe.hidden, clipNorm: recipe.clipNorm },
    files: {
      rows: await write('rows', table.columns[0].values),
      labels: await write('labels', Int32Array.from(table.truth.values)),
      order: await write('order', order),
      parameters: Object.fromEntries(
        await Promise.all(
          Object.entries(parameters).map(async ([name, values]) => [name, await write(name, values)]),
        ),
      ),
    },
    schedule: Array.from({ length: steps }, (_, step) => rate(step)),
    blockShare: tail.learningRate / learningRate,
  };
}
