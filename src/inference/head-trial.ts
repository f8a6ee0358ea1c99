import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { OutOfMemory } from '../runtime/out-of-memory.ts';

/** What the process of a trial says at its end. */
export type TrialOutcome =
  | { kind: 'fine' }
  /** What is wrong with the head. */
  | { kind: 'unfit'; problem: string }
  | { kind: 'out-of-memory'; problem: string };

/** Milliseconds that a trial may take, its process's start included. */
const trialTimeout = 30_000;
/** Most memory of JavaScript in the process, in MiB: what a hostile file unpacks to is held there. */
const trialMemory = 1024;
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

function runTrial(folder: string, timeout: number): Promise<TrialOutcome> {
  const program = fileURLToPath(new URL('./head-trial-process.ts', import.meta.url));
  const child = fork(program, [folder], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [`--max-old-space-size=${trialMemory}`],
  });
  return new Promise((resolve, reject) => {
    const unfit = (problem: string) => resolve({ kind: 'unfit', problem });
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      unfit(`its model gave no answer within ${timeout} ms`);
    }, timeout);
    child.once('message', (outcome) => {
      resolve(outcome as TrialOutcome);
      child.kill('SIGKILL');
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(deadline);
      // Its last words may still be on the way.
      setImmediate(() =>
        unfit(
          `the process that tried it ended with ${signal ?? `code ${code}`}: its files are too much to check`,
        ),
      );
    });
  });
}
