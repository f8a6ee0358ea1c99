import { type ChildProcess, fork } from 'node:child_process';
import { TandemError } from '../errors.ts';
import { describeEnd, processEnd } from '../runtime/process-end.ts';
import type { TrainingProgress } from '../training/progress.ts';
import { describeFailure } from './failure.ts';
import type { TrainingMessage, TrainingOrder } from './task.ts';

/** A training that was asked to stop and didn't is killed after this, in milliseconds. */
const patience = 10_000;

/** How a training process ended: what it said last, or why it said nothing. */
export type TrainingEnd =
  | Exclude<TrainingMessage, { kind: 'progress' }>
  | { kind: 'cancelled' }
  | { kind: 'lost' };

/**
 * The process that a job trains in, seen from the server.
 * @example
 * const training = new TrainingChild({ start: { owner, task, place } }, (progress) => …);
 * const end = await training.ended;
 */
export class TrainingChild {
  readonly #child: ChildProcess;
  #asked: 'cancelled' | 'handed-over' | 'lost' | undefined;
  /** Resolves when the process is gone. */
  readonly ended: Promise<TrainingEnd>;

  constructor(start: TrainingOrder, onProgress: (progress: TrainingProgress) => void) {
    this.#child = fork(new URL('./training-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Flags of the parent, such as --input-type of `node -e`, are none of the child's.
      execArgv: [],
    });
    this.ended = this.#follow(onProgress);
    this.#order(start);
  }

  /** Asks it to stop; it does after its current run of steps. */
  cancel(): void {
    this.#stop('cancelled', 'cancel');
  }

  /** Asks it to upload a last checkpoint and to stop. */
  handOver(): void {
    this.#stop('handed-over', 'hand-over');
  }

  /** Ends it at once: what it would write is not wanted any more. */
  drop(): void {
    this.#asked = 'lost';
    this.#child.kill('SIGKILL');
  }

  #stop(asked: 'cancelled' | 'handed-over', order: TrainingOrder): void {
    if (this.#asked !== undefined) return;
    this.#asked = asked;
    this.#order(order);
    setTimeout(() => this.#child.kill('SIGKILL'), patience).unref();
  }

  #order(message: TrainingOrder): void {
    // One that has just ended takes no more orders.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  async #follow(onProgress: (progress: TrainingProgress) => void): Promise<TrainingEnd> {
    let last: Exclude<TrainingMessage, { kind: 'progress' }> | undefined;
    this.#child.on('message', (message: TrainingMessage) => {
      if (message.kind === 'progress') onProgress(message.progress);
      else last = message;
    });
    const crash = await processEnd(this.#child).then(
      (end) => `the training process ${describeEnd(end)}`,
      (error: Error) => error.message,
    );
    if (this.#asked === 'lost') return { kind: 'lost' };
    // It may have been done before it heard of the order.
    if (last && last.kind !== 'failed') return last;
    if (this.#asked) return { kind: this.#asked };
    return last ?? { kind: 'failed', failure: describeFailure(new TandemError('training-failed', crash)) };
  }
}
