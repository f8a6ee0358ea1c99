import { rm } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import type { DeletedVersion, HeadRegistry } from '../heads/registry/heads.ts';
import { leaveToCleaning } from '../store/artifacts/artifacts.ts';
import { retryWhileAway } from '../store/retry-while-away.ts';
import type { Store } from '../store/store.ts';
import { readSummary } from '../training/summary.ts';
import type { Dispatcher } from './dispatcher.ts';
import { describeFailure, type JobFailure } from './failure.ts';
import type { Job, JobEvent, JobOutcome, JobState } from './job.ts';
import type { ExpectedJob, JobChange, JobStore } from './job-store.ts';
import { delayAfter } from './outage.ts';
import type { Ownership } from './ownership.ts';
import { JobNotes, StoryWriter } from './story-writer.ts';
import { checkpointsKey, type TrainingPlace } from './task.ts';
import { TrainingChild, type TrainingEnd } from './training-child.ts';

export interface RunnerOptions {
  store: Store;
  registry: HeadRegistry;
  /** Brings a job again that is queued anew. */
  dispatcher: Dispatcher;
  /** The server's own name, which nobody else has. */
  runner: string;
  /** Attempts without progress at a job whose servers ended without a word, after which it is not run any more. */
  mostCrashes: number;
  /** What the jobs have here, but for the folder of each. */
  place: Omit<TrainingPlace, 'folder'>;
  /** Told of every change that is written down. */
  onEvent(event: JobEvent): void;
}

/** Milliseconds between two looks at whether the job was taken over, or is to be stopped. */
const watchInterval = 1000;
/** Why a job is queued that has run already. */
export const interruption = 'the server stopped while it ran; it goes on from its last checkpoint';

interface Running {
  owner: Ownership;
  training?: TrainingChild;
  notes?: JobNotes;
  ended: Promise<void>;
}

/**
 * Runs jobs, each in a process of its own, and writes down what becomes of them. Every write checks that the job is
 * still this server's: where it isn't, the training stops and nothing of it counts.
 */
export class JobRunner {
  readonly #jobs: JobStore;
  readonly #options: RunnerOptions;
  readonly #running = new Map<string, Running>();
  readonly #closing = new AbortController();

  constructor(jobs: JobStore, options: RunnerOptions) {
    this.#jobs = jobs;
    this.#options = options;
  }

  /** The folder that a job has to itself on this machine. */
  folderOf(id: string): string {
    return path.resolve(this.#options.place.store.data, 'work', id);
  }

  /**
   * Runs a job until it is over, queued again, or another server's. One that is over is left alone.
   * @param claim see `RunJob`
   * @throws Error where none of it could be written down
   */
  async run(id: string, claim?: number): Promise<void> {
    this.#closing.signal.throwIfAborted();
    const taken = await this.#persistently(() => this.#jobs.take(id, this.#options.runner, claim));
    if (!taken) return;
    // It came back because this server was not heard of for a while: its folder is free once the earlier run has ended.
    const earlier = this.#running.get(id);
    earlier?.training?.drop();
    await earlier?.ended;
    this.#options.onEvent(taken.event);
    const { ownership: owner } = taken;
    const running: Running = { owner, ended: Promise.resolve() };
    this.#running.set(id, running);
    const work = this.#runOwned(running);
    running.ended = work.catch(() => {});
    try {
      await work;
    } finally {
      if (this.#running.get(id) === running) this.#running.delete(id);
    }
  }

  /** Asks a job to stop, if it runs here; it does after its current run of steps. */
  cancel(id: string): void {
    this.#running.get(id)?.training?.cancel();
  }

  /** Lets what runs here upload a last checkpoint, queues it for other servers, and runs nothing more. */
  async handOver(): Promise<void> {
    this.#closing.abort(new Error('the server stops'));
    const all = [...this.#running.values()];
    for (const { training } of all) training?.handOver();
    await Promise.all(all.map(({ ended }) => ended));
  }

  /** Removes what jobs have on this machine that will not need it again. */
  async removeFolders(ids: Iterable<string>): Promise<void> {
    for (const id of ids) await rm(this.folderOf(id), { recursive: true, force: true });
  }

  async #runOwned(running: Running): Promise<void> {
    const event = await this.#runAndTell(running);
    // This server goes on, though the job is another's: the attempt is none that ended a server.
    if (!event) await this.#persistently(() => this.#jobs.dropAttempt(running.owner));
  }

  /** @returns undefined where the job is another server's by now */
  async #runAndTell(running: Running): Promise<JobEvent | undefined> {
    const { owner } = running;
    const end = await this.#train(running).catch(
      (error): TrainingEnd => ({ kind: 'failed', failure: describeFailure(error) }),
    );
    if (end.kind === 'lost') return undefined;
    const notes = running.notes?.change ?? {};
    if (end.kind === 'done') return this.#end(owner, 'succeeded', { ...end.outcome, ...notes });
    if (end.kind === 'cancelled') return this.#end(owner, 'cancelled', notes);
    if (end.kind === 'handed-over') return this.#queueAgain(owner, { reason: interruption }, 0);
    if (end.failure.code === 'storage-unavailable') return this.#postpone(owner, end.failure);
    return this.#end(owner, 'failed', { error: end.failure, ...notes });
  }

  async #train(running: Running): Promise<TrainingEnd> {
    const { owner } = running;
    const { id } = owner;
    const { registry, place, mostCrashes } = this.#options;
    // A server may have stopped between registering the version and saying so; then it is too late to cancel.
    const made = await this.#persistently(() => registry.madeBy(id));
    if (made && 'isDeleted' in made) return { kind: 'failed', failure: describeFailure(deleted(made)) };
    if (made) return { kind: 'done', outcome: { result: readSummary(made) } };
    const { job, task, isCancelled, attempts } = await this.#persistently(() => this.#jobs.get(id));
    if (isCancelled) return { kind: 'cancelled' };
    if (attempts > mostCrashes) return { kind: 'failed', failure: describeFailure(crashLoop(mostCrashes)) };
    if (this.#closing.signal.aborted) return { kind: 'handed-over' };
    running.notes = new JobNotes(job.notes);
    const story = new StoryWriter(running.notes, async (change) => {
      this.#tell(await this.#jobs.change(id, mine(owner), change));
    });
    const training = new TrainingChild(
      { start: { owner, task, place: { ...place, folder: this.folderOf(id) } } },
      story,
    );
    running.training = training;
    const watch = setInterval(() => this.#watch(owner, training), watchInterval).unref();
    try {
      const end = await training.ended;
      await story.written;
      return end;
    } finally {
      clearInterval(watch);
    }
  }

  /** Sees whether the job was taken over, or another server was asked to stop it. */
  #watch({ id, token }: Ownership, training: TrainingChild): void {
    void this.#jobs.get(id).then(
      (stored) => {
        if (stored.token !== token) training.drop();
        else if (stored.isCancelled) training.cancel();
      },
      () => {},
    );
  }

  async #end(
    owner: Ownership,
    state: JobState,
    outcome: JobOutcome & Pick<Job, 'error' | 'notes'>,
  ): Promise<JobEvent | undefined> {
    const { id } = owner;
    const finishedAt = new Date().toISOString();
    const ended = await this.#change(owner, { state, reason: undefined, finishedAt, ...outcome });
    if (!ended || state !== 'succeeded') return ended;
    await this.removeFolders([id]);
    await this.#removeCheckpoints(id);
    return ended;
  }

  /** The store is away: the job waits for it, longer each time. */
  #postpone(owner: Ownership, { detail }: JobFailure): Promise<JobEvent | undefined> {
    return this.#queueAgain(owner, { reason: `it is tried again, because ${detail}` });
  }

  /** @param delay seconds; longer with each outage by default */
  #queueAgain(owner: Ownership, change: Pick<Job, 'reason'>, delay?: number): Promise<JobEvent | undefined> {
    const { dispatcher } = this.#options;
    return this.#persistently(async () => {
      const { job } = await this.#jobs.get(owner.id);
      const outages = (job.outages ?? 0) + 1;
      const seconds = delay ?? delayAfter(outages);
      const when =
        seconds > 0 ? { outages, nextTryAt: new Date(Date.now() + 1000 * seconds).toISOString() } : {};
      const event = await this.#jobs.change(
        owner.id,
        mine(owner),
        // This server says that it ends, or that a store is away: the attempt does not count.
        { state: 'queued', uncounted: 'own', ...change, ...when },
        (transaction, offered) => dispatcher.offer(transaction, offered, seconds),
      );
      this.#tell(event);
      return event;
    });
  }

  async #removeCheckpoints(id: string): Promise<void> {
    const { artifacts } = this.#options.store;
    const remove = async () => {
      const keys: string[] = [];
      for await (const { key } of artifacts.list(checkpointsKey(id))) keys.push(key);
      await artifacts.remove(keys);
    };
    await leaveToCleaning(remove());
  }

  async #change(owner: Ownership, change: JobChange): Promise<JobEvent | undefined> {
    const event = await this.#persistently(() => this.#jobs.change(owner.id, mine(owner), change));
    this.#tell(event);
    return event;
  }

  /** Tries until the store is back, or the server stops. */
  #persistently<Result>(work: () => Promise<Result>): Promise<Result> {
    return retryWhileAway(work, { isWanted: () => !this.#closing.signal.aborted });
  }

  #tell(event: JobEvent | undefined): void {
    if (event) this.#options.onEvent(event);
  }
}

function deleted({ name, version }: DeletedVersion): TandemError {
  const detail = `this job made ${name}@${version}, which was deleted before the job was over`;
  return new TandemError('unknown-head', detail, { fix: 'Submit a new job to train the head again.' });
}

function crashLoop(count: number): TandemError {
  const detail = `its server ended without a word each of the last ${count} times that it ran this job, which got no further`;
  return new TandemError('training-failed', detail, {
    fix: 'Look for what ended the server in its log and in the machine’s (out of memory: dmesg, docker inspect, kubectl describe pod). Give it more memory, or train on fewer rows; then retry the job.',
  });
}

function mine({ token }: Ownership): ExpectedJob {
  return { states: ['running'], token };
}
