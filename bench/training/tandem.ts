import { trainingStep } from '../../src/arl/training-step.ts';
import { emitLoop } from '../../src/graph/emit.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import type { FeatureTable } from '../../src/training/feature-table.ts';
import { type TrainedHead, trainHead } from '../../src/training/trainer.ts';
import { architectureOf, recipeOf, seed, type Workload } from './workload.ts';

/**
 * Trains as a user's training does, and times it between two of its reports of progress.
 * @param first steps that are not timed
 */
export async function trainTimed(
  engine: Engine,
  table: FeatureTable,
  workload: Workload,
  { first, steps }: { first: number; steps: number },
): Promise<{ seconds: number; head: TrainedHead }> {
  let started = 0;
  let ended = 0;
  const head = await trainHead(engine, table, {
    classes: workload.classes,
    recipe: recipeOf(workload, steps),
    seed,
    onProgress: ({ done }) => {
      if (done <= first) started = performance.now();
      ended = performance.now();
    },
  });
  return { seconds: (ended - started) / 1000, head };
}

export interface Preparation {
  /** Milliseconds to build the graph, differentiate it and write the model. */
  build: number;
  /** Milliseconds until ONNX Runtime is ready to run it. */
  session: number;
}

/** What a training costs before its first step. */
export async function timePreparation(engine: Engine, workload: Workload): Promise<Preparation> {
  const { strategy, temperature, optimizer, batchSize, clipNorm } = recipeOf(workload, 1);
  const started = performance.now();
  const model = emitLoop(
    trainingStep(architectureOf(workload), {
      strategy,
      temperature,
      optimizer,
      batchSize,
      clipNorm,
      residualOn: optimizer.name === 'adamw' ? 'update' : 'gradient',
      dropoutMasks: 0,
      partial: false,
    }),
  );
  const built = performance.now();
  const session = await engine.load(model);
  const ready = performance.now();
  await session.release();
  return { build: built - started, session: ready - built };
}
