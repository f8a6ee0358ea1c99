import { isOver } from '../../src/jobs/job.ts';
import type { Client } from './client.ts';
import type { DatasetLedger } from './dataset-ledger.ts';
import type { HeadLedger } from './head-ledger.ts';
import type { JobLedger } from './job-ledger.ts';
import type { KeyLedger } from './key-ledger.ts';

/** Something that a server does when it is killed. */
export interface Phase {
  name: string;
  /** How often it is chosen, against others. */
  weight: number;
  /** What is killed: the server, the process that trains, or the server before it has started. */
  victim: 'server' | 'training' | 'start';
  /** Brings it to the beginning. */
  prepare?(client: Client): Promise<void>;
  /** From the beginning to the end; the kill comes at a moment in between. */
  act(client: Client): Promise<void>;
}

export interface Ledgers {
  datasets: DatasetLedger;
  jobs: JobLedger;
  heads: HeadLedger;
  keys: KeyLedger;
}

/** @param dataset the id of one that jobs may train on */
export function phases({ datasets, jobs, heads, keys }: Ledgers, dataset: string): Phase[] {
  let training = '';
  const isRunning = (stage?: string) => async (client: Client) => {
    training = jobs.unfinished ?? (await jobs.submit(client, dataset));
    await jobs.until(
      client,
      training,
      ({ state, progress }) =>
        isOver(state) || (state === 'running' && (!stage || progress?.stage === stage)),
    );
  };
  const untilOver = async (client: Client) => {
    await jobs.until(client, training, ({ state }) => isOver(state));
  };
  return [
    {
      name: 'dataset brought or deleted',
      weight: 3,
      victim: 'server',
      act: (client) => datasets.act(client),
    },
    {
      name: 'job submitted, cancelled',
      weight: 3,
      victim: 'server',
      act: (client) => jobs.submitAndCancel(client),
    },
    { name: 'training', weight: 3, victim: 'server', prepare: isRunning(), act: untilOver },
    { name: 'training process', weight: 1, victim: 'training', prepare: isRunning(), act: untilOver },
    {
      name: 'job registers its head',
      weight: 2,
      victim: 'server',
      prepare: isRunning('evaluation'),
      act: untilOver,
    },
    { name: 'head imported', weight: 3, victim: 'server', act: (client) => heads.register(client) },
    { name: 'alias, rollback, deletion', weight: 3, victim: 'server', act: (client) => heads.act(client) },
    { name: 'key made or revoked', weight: 2, victim: 'server', act: () => keys.act() },
    { name: 'start', weight: 1, victim: 'start', act: async () => {} },
  ];
}

/** An endless deal of phases: each once, and then each again as often as it weighs. */
export function* deal(all: readonly Phase[]): Generator<Phase> {
  for (let round = 0; ; round++)
    for (const phase of all)
      if (round % Math.max(...all.map(({ weight }) => weight)) < phase.weight) yield phase;
}
