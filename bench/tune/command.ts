import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { count, counts, wholes } from '../options.ts';
import { PeerWorker } from '../peers/worker.ts';
import { median } from '../statistics.ts';
import type { Workload } from './workload.ts';

const [agreementSteps, largestDifference] = [50, 1e-5];

export const tune = new Command('tune')
  .summary('steps a second through an encoder’s last blocks, against PyTorch')
  .description(
    'Times training steps through the last blocks of MiniLM and a head, whole or by LoRA, of Tandem and of PyTorch (CPU, eager, its own attention kernel, fused optimizer), each in a process of its own, in turns, after a check that the losses of 50 steps agree to 1e-5. The memory is the most that either process had resident, with the rows that both learn from.',
  )
  .option('--blocks <counts>', 'blocks that are trained', counts, [2])
  .option('--ranks <numbers>', 'ranks of LoRA’s adapters; 0 trains every weight', wholes, [0, 8])
  .option('--batch-size <counts>', 'examples in a step', counts, [16, 32])
  .option('--threads <counts>', 'threads of each side', counts, [1, 2])
  .option('--tokens <count>', 'length of the texts', count, 64)
  .option('--rounds <count>', 'rounds to time, each with a training of both', count, 5)
  .option('--steps <count>', 'steps of a timed training; the first 10 are not timed', count, 40)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- tune --threads 1 --batch-size 16')
  .action(async ({ blocks, ranks, batchSize, threads, tokens, rounds, steps, json }) => {
    const comparisons: Comparison[] = [];
    for (const workload of grid({ blocks, ranks, batchSize, threads, tokens }))
      comparisons.push(await compare(workload, rounds, steps));
    if (json) return printJson(comparisons);
    print(table([head, ...comparisons.map(cells)]));
  });

type Side = 'tandem' | 'pytorch';

interface Comparison extends Workload {
  /** Steps a second, the median of the rounds. */
  tandem: number;
  pytorch: number;
  /** Of the fastest round of each, which a busy machine disturbs least. */
  fastest: Record<Side, number>;
  /** Seconds of processor time that a step takes, the median of the rounds. */
  cpuSecondsPerStep: Record<Side, number>;
  /** Of the rounds, in order: above 1 Tandem is faster. */
  ratios: number[];
  ratio: number;
  /** Most MiB resident. */
  memory: Record<Side, number>;
  /** Largest difference of a loss within the first steps. */
  difference: number;
}

function grid(
  options: Record<'blocks' | 'ranks' | 'batchSize' | 'threads', number[]> & { tokens: number },
): Workload[] {
  const { tokens } = options;
  return options.blocks.flatMap((blocks) =>
    options.ranks.flatMap((rank) =>
      options.batchSize.flatMap((batchSize) =>
        options.threads.map((threads) => ({ blocks, rank, batchSize, threads, tokens })),
      ),
    ),
  );
}

/** @throws Error where the losses differ by more than 1e-5 */
async function compare(workload: Workload, rounds: number, steps: number): Promise<Comparison> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-tune-'));
  const tandem = PeerWorker.node(path.join(import.meta.dirname, 'worker.ts'));
  const pytorch = await PeerWorker.start('tune.py');
  const load = async (count: number) => {
    const { peer } = await tandem.call<{ peer: object }>({ command: 'load', workload, folder, steps: count });
    await pytorch.call(peer);
  };
  const run = (first: number, count: number) => ({
    tandem: () => tandem.call<Answer>({ command: 'train', first, steps: count }),
    pytorch: () => pytorch.call<Answer>({ command: 'train', first, steps: count }),
  });
  try {
    await load(agreementSteps);
    const check = run(0, agreementSteps);
    const [ours, theirs] = [await check.tandem(), await check.pytorch()];
    const difference = Math.max(...ours.losses.map((loss, step) => Math.abs(loss - theirs.losses[step])));
    if (!(difference <= largestDifference))
      throw new Error(`within ${agreementSteps} steps the losses differ by ${difference}`);
    await load(steps);
    const sides = run(10, steps);
    const answers: Record<Side, Answer>[] = [];
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? (['tandem', 'pytorch'] as const) : (['pytorch', 'tandem'] as const);
      const both = { tandem: ours, pytorch: theirs };
      for (const side of order) both[side] = await sides[side]();
      answers.push(both);
    }
    const bySide = (of: (rounds: Answer[]) => number) => ({
      tandem: of(answers.map((answer) => answer.tandem)),
      pytorch: of(answers.map((answer) => answer.pytorch)),
    });
    const speeds = (side: readonly Answer[]) => side.map(({ secondsPerStep }) => 1 / secondsPerStep);
    const ratios = answers.map((answer) => answer.pytorch.secondsPerStep / answer.tandem.secondsPerStep);
    return {
      ...workload,
      ...bySide((side) => median(speeds(side))),
      ...{ ratios, ratio: median(ratios) },
      fastest: bySide((side) => Math.max(...speeds(side))),
      cpuSecondsPerStep: bySide((side) => median(side.map((answer) => answer.cpuSecondsPerStep))),
      memory: bySide((side) => Math.max(...side.map(({ memory }) => memory))),
      difference,
    };
  } finally {
    await Promise.all([tandem.close(), pytorch.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

interface Answer {
  secondsPerStep: number;
  cpuSecondsPerStep: number;
  losses: number[];
  /** Most MiB resident so far. */
  memory: number;
}

const head = [
  'blocks',
  'rank',
  'batch',
  'threads',
  'Tandem, steps/s',
  'PyTorch, steps/s',
  'ratio',
  'of the rounds',
  'of processor time',
  'Tandem, MiB',
  'PyTorch, MiB',
  'losses differ by',
];

function cells(comparison: Comparison): string[] {
  const { blocks, rank, batchSize, threads, tandem, pytorch, ratio, ratios, memory, difference } = comparison;
  const { cpuSecondsPerStep: cpu } = comparison;
  return [
    ...[blocks, rank, batchSize, threads].map(String),
    ...[tandem, pytorch, ratio].map((value) => value.toFixed(2)),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    (cpu.pytorch / cpu.tandem).toFixed(2),
    ...[memory.tandem, memory.pytorch].map((value) => value.toFixed(0)),
    difference.toExponential(1),
  ];
}
