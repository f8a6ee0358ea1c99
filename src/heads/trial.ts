import pLimit from 'p-limit';
import { OutOfMemory } from '../runtime/out-of-memory.ts';
import { ProcessEnded, runSupervised } from '../runtime/supervised-process.ts';

/** What the process of a trial says at its end. */
export type TrialOutcome =
  | { kind: 'fine' }
  /** What is wrong with the head. */
  | { kind: 'unfit'; problem: string }
  | { kind: 'out-of-memory'; problem: string };

/** Milliseconds that a trial may take, its process's start included. */
const trialTimeout = 30_000;
/** Most memory of the process, in MiB: what a hostile file unpacks to, and what its model computes, is held there. */
const trialMemory = 2048;
/** Trials are rare, and each may take a core and much memory. */
const oneAtATime = pLimit(1);

/**
 * Checks and runs the head in a folder, in a process of its own: it is not trusted, so where it takes too long, too much
 * memory, or the process along, that is told of it and nothing else is touched.
 * @throws Error that says what is wrong with the head; OutOfMemory
 * @example await tryHead('data/uploads/.import-x1y2z3');
 */
export function tryHead(folder: string, timeout = trialTimeout): Promise<void> {
  return oneAtATime(async () => {
    const outcome = await runTrial(folder, timeout);
    if (outcome.kind === 'out-of-memory') throw new OutOfMemory(outcome.problem);
    if (outcome.kind === 'unfit') throw new Error(outcome.problem);
  });
}

async function runTrial(folder: string, timeout: number): Promise<TrialOutcome> {
  let outcome: TrialOutcome = { kind: 'unfit', problem: 'its trial ended without a word' };
  const problem = (error: unknown): TrialOutcome => {
    if (!(error instanceof ProcessEnded)) throw error;
    return { kind: 'unfit', problem: `its trial did not end well: ${error.message}` };
  };
  await runSupervised<TrialOutcome>(new URL('./trial-process.ts', import.meta.url), folder, {
    memory: trialMemory,
    timeout,
    signal: new AbortController().signal,
    onMessage: (said) => {
      outcome = said;
    },
  }).catch((error) => {
    outcome = problem(error);
  });
  return outcome;
}
