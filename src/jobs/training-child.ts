import { type ChildProcess, fork } from 'node:child_process';
import { memoryExceeded } from '../datasets/import/memory-exceeded.ts';
import { TandemError } from '../errors.ts';
import { watchMemory } from '../runtime/memory-limit.ts';
import { describeEnd, processEnd } from '../runtime/process-end.ts';
import type { TrainingProgress } from '../training/progress.ts';
import { describeFailure } from './failure.ts';
import type { TrainingMessage, TrainingOrder, TrainingStart } from './task.ts';

/** A training that was asked to stop and didn't is killed after this, in milliseconds. */
const patience = 10_000;

/** A flag of Node that limits the heap. */
const heapLimit = /^--max[-_](old[-_]space|semi[-_]space|heap)[-_]size/;

/** What a training process says at its end. */
type TrainingResult = Exclude<TrainingMessage, { kind: 'progress' | 'note' | 'read' }>;

/** How a training process ended: what it said last, or why it said nothing. */
export type TrainingEnd = TrainingResult | { kind: 'cancelled' } | { kind: 'lost' };

/** Hears what a training tells on its way. */
export interface TrainingListener {
  progress(progress: TrainingProgress): void;
  note(note: string): void;
}

/**
 * The process that a job trains in, seen from the server.
 * @example
 * const training = new TrainingChild({ start: { owner, task, place } }, { progress: (progress) => …, note: (note) => … });
 * const end = await training.ended;
 */
export class TrainingChild {
  readonly #child: ChildProcess;
  readonly #stopWatching: () => void;
  /** What it was killed for. */
  #excess: TandemError | undefined;
  #asked: 'cancelled' | 'handed-over' | 'lost' | undefined;
  /** Resolves when the process is gone. */
  readonly ended: Promise<TrainingEnd>;

  constructor({ start }: TrainingStart, listener: TrainingListener) {
    this.#child = fork(new URL('./training-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // The limits of the heap alone: --input-type of `node -e`, say, would end the child.
      execArgv: process.execArgv.filter((flag) => heapLimit.test(flag)),
    });
    this.#stopWatching = this.#limitReading(start);
    this.ended = this.#follow(listener);
    this.#order({ start });
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

  /** A dataset that was imported was read within limits before. */
  #limitReading({ task: { source }, place: { readingMemory } }: TrainingStart['start']): () => void {
    if ('imported' in source) return () => {};
    return watchMemory(this.#child, readingMemory, () => {
      this.#excess = memoryExceeded(`reading the dataset needed more than ${readingMemory} MiB`);
      this.#child.kill('SIGKILL');
    });
  }

  async #follow(listener: TrainingListener): Promise<TrainingEnd> {
    let last: TrainingResult | undefined;
    this.#child.on('message', (message: TrainingMessage) => {
      if (message.kind === 'progress') listener.progress(message.progress);
      else if (message.kind === 'note') listener.note(message.note);
      else if (message.kind === 'read') this.#stopWatching();
      else last = message;
    });
    const crash = await processEnd(this.#child).then(
      (end) => `the training process ${describeEnd(end)}`,
      (error: Error) => error.message,
    );
    this.#stopWatching();
    if (this.#excess) return { kind: 'failed', failure: describeFailure(this.#excess) };
    if (this.#asked === 'lost') return { kind: 'lost' };
    // It may have been done before it heard of the order.
    if (last && last.kind !== 'failed') return last;
    if (this.#asked) return { kind: this.#asked };
    return last ?? { kind: 'failed', failure: describeFailure(new TandemError('training-failed', crash)) };
  }
}
