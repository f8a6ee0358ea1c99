import type { Parameters } from '../../src/arl/parameters.ts';
import { Engine } from '../../src/runtime/engine.ts';
import type { EngineOptions } from '../../src/runtime/protocol.ts';
import { trainTimed } from '../training/tandem.ts';
import { makeTable, type Workload } from '../training/workload.ts';
import { largestDifference } from './predictions.ts';

/** Two numbers of labels, two sizes of batches: little and much work for each operator of a step. */
export const workloads: Workload[] = [10, 1000].flatMap((classes) =>
  [64, 256].map((batchSize) => ({ optimizer: 'adamw', adapter: 'mlp', classes, batchSize, threads: 0 })),
);

export interface TrainingSpeed {
  classes: number;
  batchSize: number;
  /** Steps a second of each device, the copies of a run included. */
  stepsPerSecond: number;
  cpuStepsPerSecond: number;
  /**
   * MB of parameters and optimizer state that every run of steps (a quarter of a second of them) moves to the device
   * and back: a run's inputs and outputs are the host's, Node can't leave them on the device.
   */
  copiedMegabytes: number;
  /** Largest difference of a parameter after 50 steps. */
  difference: number;
}

const agreementSteps = 50;

/** Trains through the same graphs on a device and on the CPU. */
export async function compareTraining(
  options: EngineOptions,
  workload: Workload,
  steps: number,
): Promise<TrainingSpeed> {
  const table = makeTable(workload.classes);
  const engines = [options, { ...options, provider: 'cpu' as const }].map((each) => Engine.start(each));
  try {
    const sides = [];
    for (const engine of engines) {
      const short = await trainTimed(engine, table, workload, { first: 0, steps: agreementSteps });
      const { secondsPerStep } = await trainTimed(engine, table, workload, { first: 20, steps });
      sides.push({ parameters: short.head.parameters, rate: 1 / secondsPerStep });
    }
    const [device, cpu] = sides;
    const weights = Object.values(device.parameters).reduce((sum, { length }) => sum + length, 0);
    return {
      classes: workload.classes,
      batchSize: workload.batchSize,
      stepsPerSecond: device.rate,
      cpuStepsPerSecond: cpu.rate,
      // Each weight has two moments (AdamW); everything goes there and comes back.
      copiedMegabytes: (2 * 3 * 4 * weights) / 1e6,
      difference: parametersApart(device.parameters, cpu.parameters),
    };
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

function parametersApart(ours: Parameters<Float32Array>, theirs: Parameters<Float32Array>): number {
  return Math.max(...Object.entries(ours).map(([name, values]) => largestDifference(values, theirs[name])));
}
