/** Measures one training in this process: `measure.ts ROWS CLASSES THREADS FOLDER`. The result goes to the parent. */

import { trainingStep } from '../../src/arl/training-step.ts';
import { evaluate } from '../../src/evaluation/single-label.ts';
import { emitLoop } from '../../src/graph/emit.ts';
import { Random } from '../../src/random.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { single } from '../../src/targets/single.ts';
import { createFileColumn } from '../../src/training/features/feature-file.ts';
import {
  type FeatureColumn,
  type FeatureTable,
  memoryColumn,
} from '../../src/training/features/feature-table.ts';
import { fitHead } from '../../src/training/loop/fit.ts';
import { defaultRecipe, type Recipe } from '../../src/training/loop/recipe.ts';

export interface ScaleResult {
  rows: number;
  classes: number;
  onDisk: boolean;
  /** Microseconds of training an example takes each time it is seen, reading it included. */
  training: number;
  /** Microseconds an example takes once: finding the scaling, and evaluating. */
  around: number;
  megabytes: number;
  /** Milliseconds to build the graph of a step, differentiate it and write it. */
  build: number;
  accuracy: number;
}

const dimensions = { image: 1280, text: 384 } as const;
const mostInMemory = 50_000;
const batchSize = 256;
const [rows, classes, threads] = process.argv.slice(2, 5).map(Number);
const folder = process.argv[5];
const onDisk = rows > mostInMemory;
const random = new Random(1, 'scale');

/** A centre for each class, and noise that every row takes from another place of one bank. */
async function makeColumn(modality: 'image' | 'text', labels: Int32Array): Promise<FeatureColumn> {
  const dimension = dimensions[modality];
  const noise = Float32Array.from({ length: 1_000_003 }, () => random.nextNormal());
  const centres = Float32Array.from({ length: classes * dimension }, () => 0.1 * random.nextNormal());
  const present = new Uint8Array(rows).fill(1);
  const fill = (into: Float32Array, first: number) => {
    for (let row = 0; row < into.length / dimension; row++) {
      const start = random.nextInteger(noise.length - dimension);
      const centre = labels[first + row] * dimension;
      for (let index = 0; index < dimension; index++)
        into[row * dimension + index] = centres[centre + index] + noise[start + index];
    }
    return into;
  };
  if (!onDisk)
    return memoryColumn({
      modality,
      dimension,
      present,
      values: fill(new Float32Array(rows * dimension), 0),
    });
  const column = await createFileColumn(folder, { modality, dimension, present });
  const chunk = new Float32Array(4000 * dimension);
  for (let first = 0; first < rows; first += 4000) {
    const count = Math.min(4000, rows - first);
    await column.write(first, fill(chunk.subarray(0, count * dimension), first));
  }
  return column;
}

// Sorted by label: the hardest order to shuffle well.
const labels = Int32Array.from({ length: rows }, (_, row) => Math.floor((row * classes) / rows));
const table: FeatureTable = {
  columns: [await makeColumn('image', labels), await makeColumn('text', labels)],
  strata: labels,
  truth: { target: 'single', columns: 1, values: labels },
};
const all = [...labels.keys()];
const split = { train: all.filter((row) => row % 20 !== 0), test: all.filter((row) => row % 20 === 0) };
const recipe: Recipe = {
  ...defaultRecipe,
  batchSize,
  hidden: 256,
  epochs: 1,
  minimumSteps: 400,
  learningRate: 1e-3,
};

const building = performance.now();
emitLoop(
  trainingStep(
    {
      dimensions: Object.values(dimensions),
      hidden: recipe.hidden,
      classes,
      adapter: 'mlp',
      fusion: 'concat',
      target: single.loss,
    },
    { ...recipe, residualOn: 'update', dropoutMasks: 1024, partial: false },
  ),
);
const build = performance.now() - building;

const engine = Engine.start({ provider: 'cpu', threads });
const reports: { done: number; at: number }[] = [];
const started = performance.now();
const { answers } = await fitHead(engine, table, split, {
  classes,
  recipe,
  seed: 1,
  onProgress: ({ done }) => reports.push({ done, at: performance.now() }),
});
const ended = performance.now();
const [first, last] = [reports[0], reports.at(-1)!];
const millisecondsTraining = last.at - first.at;
const { accuracy } = evaluate(
  answers.map(({ fused }) => fused),
  split.test.map((row) => labels[row]),
);
const result: ScaleResult = {
  rows,
  classes,
  onDisk,
  training: (millisecondsTraining / (last.done - first.done) / batchSize) * 1000,
  around: ((ended - started - millisecondsTraining) / rows) * 1000,
  megabytes: process.resourceUsage().maxRSS / 1024,
  build,
  accuracy,
};
process.send!(result);
await engine.close();
