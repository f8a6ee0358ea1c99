import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Parameters } from '../../src/arl/parameters.ts';
import { Engine } from '../../src/runtime/engine.ts';
import type { FeatureTable, MemoryColumn } from '../../src/training/features/feature-table.ts';
import { PeerWorker } from '../peers/worker.ts';
import { median } from '../statistics.ts';
import { foreignLoad } from './foreign-load.ts';
import { type Preparation, timePreparation, trainTimed } from './tandem.ts';
import { peerRequest, type Workload } from './workload.ts';

/** Trainings that are timed; the first steps of each warm the caches and are left out. */
export interface Rounds {
  rounds: number;
  first: number;
  steps: number;
}

export interface Speed {
  /** Of the fastest round. */
  best: number;
  median: number;
}

export interface Comparison extends Workload {
  /** Largest difference of a parameter after so many steps from the same start. */
  agreement: { steps: number; difference: number };
  preparation: Preparation;
  /** Samples per second. */
  tandem: Speed;
  pytorch: Speed;
  /** Above 1: Tandem is faster. */
  ratio: Speed;
  /** Rounds dropped because other processes used the machine. */
  dropped: number;
  /** True where too many rounds were disturbed, and disturbed ones had to be taken. */
  disturbed: boolean;
}

const agreementSteps = 50;
const largestDifference = 1e-3;
/** Cores that other processes may use during a round. */
const loadBound = 0.15;
const triesPerRound = 4;

/**
 * Times trainings of both, in turns and in one run, after a check that both compute the same.
 * @throws Error where the parameters after 50 steps differ by more than 1e-3
 */
export async function compareTraining(
  workload: Workload,
  table: FeatureTable<MemoryColumn>,
  { rounds, first, steps }: Rounds,
): Promise<Comparison> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-training-'));
  const engine = Engine.start({ provider: 'cpu', threads: workload.threads });
  const peer = await PeerWorker.start('train.py');
  try {
    const preparation = await timePreparation(engine, workload);

    await peer.call(await peerRequest(folder, workload, table, agreementSteps));
    await peer.call({ command: 'train', first: 0, steps: agreementSteps, folder });
    const { head } = await trainTimed(engine, table, workload, { first: 0, steps: agreementSteps });
    const difference = await differenceFrom(folder, head.parameters);
    if (!(difference <= largestDifference))
      throw new Error(`after ${agreementSteps} steps the parameters differ by ${difference}`);

    await peer.call(await peerRequest(folder, workload, table, steps));
    const sides = {
      tandem: async () => (await trainTimed(engine, table, workload, { first, steps })).secondsPerStep,
      pytorch: async () =>
        (await peer.call<{ seconds: number }>({ command: 'train', first, steps })).seconds / (steps - first),
    };
    const clean: Round[] = [];
    const disturbed: Round[] = [];
    for (let round = 0; clean.length < rounds && round < triesPerRound * rounds; round++) {
      const speeds: Round = { tandem: 0, pytorch: 0 };
      const order = round % 2 === 0 ? (['tandem', 'pytorch'] as const) : (['pytorch', 'tandem'] as const);
      const load = await foreignLoad(peer.processId, async () => {
        for (const side of order) speeds[side] = workload.batchSize / (await sides[side]());
      });
      // A round is dropped whole, so that neither side is favoured.
      (load < loadBound ? clean : disturbed).push(speeds);
    }
    const enough = clean.length >= Math.min(3, rounds);
    const taken = enough ? clean : [...clean, ...disturbed];
    const tandem = speedOf(taken.map((speeds) => speeds.tandem));
    const pytorch = speedOf(taken.map((speeds) => speeds.pytorch));
    return {
      ...workload,
      agreement: { steps: agreementSteps, difference },
      preparation,
      tandem,
      pytorch,
      ratio: { best: tandem.best / pytorch.best, median: tandem.median / pytorch.median },
      dropped: enough ? disturbed.length : 0,
      disturbed: !enough,
    };
  } finally {
    await peer.close();
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type Round = Record<'tandem' | 'pytorch', number>;

function speedOf(samplesPerSecond: readonly number[]): Speed {
  return { best: Math.max(...samplesPerSecond), median: median(samplesPerSecond) };
}

async function differenceFrom(folder: string, parameters: Parameters<Float32Array>): Promise<number> {
  let largest = 0;
  for (const [name, ours] of Object.entries(parameters)) {
    const { buffer } = Uint8Array.from(await readFile(path.join(folder, name)));
    const theirs = new Float32Array(buffer);
    if (theirs.length !== ours.length) throw new Error(`${name} has ${theirs.length} elements in PyTorch`);
    for (const [index, value] of ours.entries()) largest = Math.max(largest, Math.abs(value - theirs[index]));
  }
  return largest;
}
