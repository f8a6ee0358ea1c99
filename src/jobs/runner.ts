import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import pRetry from 'p-retry';
import { TandemError } from '../errors.ts';
import type { HeadRegistry } from '../store/heads/heads.ts';
import { storageError } from '../store/storage-error.ts';
import { readSummary } from '../training/summary.ts';
import { describeFailure } from './failure.ts';
import { type Job, type JobEvent, type JobState, unfinishedStates } from './job.ts';
import type { ExpectedJob, JobChange, JobStore } from './job-store.ts';
import type { TrainingMessage, TrainingOrder, TrainingPlace } from './task.ts';

export interface RunnerOptions {
  /** The server's own name, which nobody else has. */
  runner: string;
  /** What the jobs have here, but for the folder of each. */
  place: Omit<TrainingPlace, 'folder'>;
  /** Told of every change that is written down. */
  onEvent(event: JobEvent): void;
}

/** Progress is written down at most this often, in milliseconds. */
const progressInterval = 250;
/** Milliseconds between two looks at whether another server was asked to stop the job. */
const cancellationInterval = 1000;
/** A training that was asked to stop and didn't is killed after this, in milliseconds. */
const patience = 10_000;

/** Longest pause between two tries to reach the store, in milliseconds. */
const longestPause = 5000;

/** Why a job is queued that has run already. */
export const interruption = 'the server stopped while it ran; it goes on from its last checkpoint';

interface Running {
  child: ChildProcess;
  isCancelled: boolean;
}

/** Runs jobs, each in a process of its own, and writes down what becomes of them. */
export class JobRunner {
  readonly #jobs: JobStore;
  readonly #registry: HeadRegistry;
  readonly #options: RunnerOptions;
  readonly #running = new Map<string, Running>();
  readonly #closing = new AbortController();

  constructor(jobs: JobStore, registry: HeadRegistry, options: RunnerOptions) {
    this.#jobs = jobs;
    this.#registry = registry;
    this.#options = options;
  }

  /** The folder that a job has to itself on this machine. */
  folderOf(id: string): string {
    return path.resolve(this.#options.place.store.data, 'work', id);
  }

  /**
   * Runs a job to its end. One that is over is left alone.
   * @throws Error where it is to go on elsewhere, or later
   */
  async run(id: string): Promise<void> {
    this.#closing.signal.throwIfAborted();
    const { runner } = this.#options;
    // A job that another server was running is brought here because that server is not heard of any more.
    const startedAt = new Date().toISOString();
    const started = await this.#change(
      id,
      { states: unfinishedStates },
      { state: 'running', startedAt, runner, reason: undefined },
    );
    if (!started) return;
    try {
      await this.#goOn(id);
    } catch (error) {
      if (!this.#closing.signal.aborted) await this.#end(id, 'failed', { error: describeFailure(error) });
    }
    if (!this.#closing.signal.aborted) return;
    const interrupted = await this.#change(id, this.#mine, { state: 'queued', reason: interruption });
    if (interrupted) throw new Error(interruption);
  }

  /** Asks a job to stop, if it runs here; it does after its current run of steps. */
  cancel(id: string): void {
    const running = this.#running.get(id);
    if (!running || running.isCancelled) return;
    running.isCancelled = true;
    order(running.child, 'cancel');
    setTimeout(() => running.child.kill('SIGKILL'), patience).unref();
  }

  /** Stops what runs here, and runs nothing more. */
  close(): void {
    this.#closing.abort(new Error('the server stops'));
    for (const { child } of this.#running.values()) child.kill('SIGKILL');
  }

  /** Removes what jobs have on this machine that will not need it again. */
  async removeFolders(ids: Iterable<string>): Promise<void> {
    for (const id of ids) await rm(this.folderOf(id), { recursive: true, force: true });
  }

  get #mine(): ExpectedJob {
    return { states: ['running'], runner: this.#options.runner };
  }

  async #goOn(id: string): Promise<void> {
    // A server may have stopped between registering the version and saying so; then it is too late to cancel.
    const made = await this.#persistently(() => this.#registry.madeBy(id));
    if (made) return this.#end(id, 'succeeded', { result: readSummary(made) });
    const { task, isCancelled } = await this.#persistently(() => this.#jobs.get(id));
    if (isCancelled) return this.#end(id, 'cancelled');
    const place = { ...this.#options.place, folder: this.folderOf(id) };
    await this.#train(id, { start: { id, task, place } });
  }

  async #train(id: string, start: TrainingOrder): Promise<void> {
    const child = fork(new URL('./training-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const running: Running = { child, isCancelled: false };
    this.#running.set(id, running);
    const watch = setInterval(() => this.#watch(id), cancellationInterval).unref();
    const exited = new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', (code, signal) => {
        const ending = `the training process ended with ${signal ?? `code ${code}`}`;
        // Its last words may still be on the way.
        if (child.connected) child.once('disconnect', () => resolve(ending));
        else resolve(ending);
      });
    });
    let complaint = '';
    child.stderr?.on('data', (text) => {
      complaint = (complaint + text).slice(-2000);
    });
    let last: TrainingMessage | undefined;
    let told = 0;
    let telling: Promise<unknown> = Promise.resolve();
    child.on('message', (message: TrainingMessage) => {
      if (message.kind !== 'progress') {
        last = message;
        return;
      }
      const { progress } = message;
      if (Date.now() - told < progressInterval && progress.done < progress.total) return;
      told = Date.now();
      // Nothing is lost where the store is away for a while.
      telling = telling.then(() =>
        this.#jobs.change(id, this.#mine, { progress }).then(this.#tell, () => {}),
      );
    });
    order(child, start);
    try {
      const ending = await exited;
      await telling;
      if (last?.kind === 'done') await this.#end(id, 'succeeded', { result: last.result });
      else if (last?.kind === 'compared') await this.#end(id, 'succeeded', { comparison: last.comparison });
      else if (running.isCancelled) await this.#end(id, 'cancelled');
      else if (last?.kind === 'failed') await this.#end(id, 'failed', { error: last.failure });
      else if (!this.#closing.signal.aborted) {
        const failure = new TandemError('training-failed', `${ending} ${complaint.trim()}`.trim());
        await this.#end(id, 'failed', { error: describeFailure(failure) });
      }
    } finally {
      clearInterval(watch);
      this.#running.delete(id);
    }
  }

  /** Sees whether another server was asked to stop a job that runs here. */
  #watch(id: string): void {
    void this.#jobs.get(id).then(
      ({ isCancelled }) => isCancelled && this.cancel(id),
      () => {},
    );
  }

  async #end(
    id: string,
    state: JobState,
    outcome: Pick<Job, 'error' | 'result' | 'comparison'> = {},
  ): Promise<void> {
    const finishedAt = new Date().toISOString();
    await this.#change(id, this.#mine, { state, reason: undefined, finishedAt, ...outcome });
    if (state === 'succeeded') await this.removeFolders([id]);
  }

  async #change(id: string, expected: ExpectedJob, change: JobChange): Promise<JobEvent | undefined> {
    const event = await this.#persistently(() => this.#jobs.change(id, expected, change));
    this.#tell(event);
    return event;
  }

  /** Tries until the store is back, or the server stops. */
  #persistently<Result>(work: () => Promise<Result>): Promise<Result> {
    return pRetry(work, {
      retries: Number.POSITIVE_INFINITY,
      maxTimeout: longestPause,
      shouldRetry: ({ error }) => storageError(error) !== undefined && !this.#closing.signal.aborted,
    });
  }

  readonly #tell = (event: JobEvent | undefined): void => {
    if (event) this.#options.onEvent(event);
  };
}

function order(child: ChildProcess, message: TrainingOrder): void {
  // One that has just ended takes no more orders.
  if (child.connected) child.send(message, () => {});
}
