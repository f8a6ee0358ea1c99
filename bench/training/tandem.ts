import { trainingStep } from '../../src/arl/training-step.ts';
import { emitLoop } from '../../src/graph/emit.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import type { FeatureTable } from '../../src/training/features/feature-table.ts';
import { type TrainedHead, trainHead } from '../../src/training/loop/trainer.ts';
import { architectureOf, recipeOf, seed, type Workload } from './workload.ts';

/**
 * Trains as a user's training does, and times it between two of its reports of progress.
 * @param first steps that are not timed, and a few more, until the run that they belong to ends
 * @returns seconds a step
 */
export async function trainTimed(
  engine: Engine,
  table: FeatureTable,
  workload: Workload,
  { first, steps }: { first: number; steps: number },
): Promise<{ secondsPerStep: number; head: TrainedHead }> {
  const reports: { done: number; at: number }[] = [];
  const head = await trainHead(engine, table, {
    classes: workload.classes,
    recipe: recipeOf(workload, steps),
    seed,
    onProgress: ({ done }) => reports.push({ done, at: performance.now() }),
  });
  const start = reports.find(({ done }) => done >= first)!;
  const end = reports.at(-1)!;
  return { secondsPerStep: (end.at - start.at) / 1000 / (end.done - start.done), head };
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
