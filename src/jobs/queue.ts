import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { TargetKind } from '../arl/target.ts';
import { TandemError } from '../errors.ts';
import type { EncoderOptions } from '../inference/encoders.ts';
import { headFiles } from '../inference/head-manifest.ts';
import type { Database } from '../store/database.ts';
import { syncToDisk } from '../store/durable.ts';
import { headNamePattern } from '../store/heads.ts';
import { DatasetCatalogue } from '../training/dataset/catalogue.ts';
import type { Recipe } from '../training/recipe.ts';
import { describeFailure } from './failure.ts';
import type { Job, JobEvent, JobState } from './job.ts';
import { JobStore, type StoredJob } from './job-store.ts';
import type { TrainingMessage, TrainingTask } from './training-process.ts';

export interface JobQueueOptions {
  database: Database;
  encoders: EncoderOptions;
  heads: { root: string; shipped: string[] };
  /** Folder of all data: jobs' own folders, imported datasets, cached features. */
  data: string;
  /** Folder of the datasets' folders that requests may name. */
  datasets: string;
  maximumQueue: number;
}

export interface JobRequest {
  /** What to make: a head, or a comparison of the strategies over so many splits. */
  work: { head: string; seed: number; recipe?: Partial<Recipe> } | { compare: number };
  source: { dataset: string } | { archive: string; fileName: string };
  /** What a row's label is, and what stands between several; of a dataset that is not imported yet. */
  target?: TargetKind;
  labelSeparator?: string;
}

interface Entry {
  job: Job;
  task: TrainingTask;
  events: JobEvent[];
  eventCount: number;
  changed: EventEmitter<{ event: [JobEvent] }>;
  process?: ChildProcess;
  cancelled: boolean;
  /** Set where the server stops and the job does not: it goes on at the next start. */
  interrupted: boolean;
}

/** Progress is told at most this often, in milliseconds. */
const progressInterval = 100;
/** A training that was asked to stop and didn't is killed after this, in milliseconds. */
const patience = 10_000;
/** Progress is not written down, so after a restart events are numbered on from where no reader can have been. */
const numbersSkipped = 1_000_000;

/**
 * Fine-tunings and comparisons, one at a time, each in a process of its own. A job that was accepted is written down:
 * it outlives the server, and goes on from its last checkpoint when the next one starts.
 * @example
 * const jobs = await JobQueue.open({ … });
 * const { id } = await jobs.submit({ work: { head: 'pets', seed: 0 }, source: { dataset: 'pets' } });
 * for await (const { job } of jobs.events(id, 0, signal)) console.log(job.state, job.progress);
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #store: JobStore;
  readonly #entries = new Map<string, Entry>();
  #writing: Promise<unknown> = Promise.resolve();
  #running: Promise<void> | undefined;
  #closed = false;

  private constructor(options: JobQueueOptions) {
    this.#options = options;
    this.#store = new JobStore(options.database);
  }

  /** Takes up where the last server left off. */
  static async open(options: JobQueueOptions): Promise<JobQueue> {
    const queue = new JobQueue(options);
    for (const stored of await queue.#store.load()) queue.#restore(stored);
    await queue.#removeLeftovers();
    queue.#start();
    return queue;
  }

  /**
   * Adds a job. An uploaded archive belongs to the job from here on. When this resolves the job is on the disk.
   * @throws TandemError `unknown-dataset`, `invalid-request` (the head's name), `overloaded`
   */
  async submit({ work, source, ...reading }: JobRequest): Promise<Job> {
    if ('head' in work && !headNamePattern.test(work.head))
      throw new TandemError(
        'invalid-request',
        `${JSON.stringify(work.head)} is no name for a head: use up to 64 of a-z 0-9 . _ -`,
      );
    const waiting = [...this.#entries.values()].filter(({ job }) => job.state === 'queued').length;
    if (this.#closed || waiting >= this.#options.maximumQueue)
      throw new TandemError('overloaded', `${waiting} jobs are waiting`, { retryAfter: 60 });
    const found = 'dataset' in source ? await this.#findDataset(source.dataset) : undefined;
    const id = randomUUID();
    const { encoders, heads, data } = this.#options;
    const folder = this.#folderOf(id);
    await mkdir(folder, { recursive: true });
    const archive = path.join(folder, 'upload');
    if ('archive' in source) {
      await syncToDisk(source.archive);
      await rename(source.archive, archive);
    }
    for (const parent of [folder, path.dirname(folder)]) await syncToDisk(parent);
    const job: Job = {
      id,
      kind: 'head' in work ? 'train' : 'compare',
      state: 'queued',
      ...('head' in work && { head: work.head }),
      dataset: 'dataset' in source ? source.dataset : source.fileName,
      createdAt: new Date().toISOString(),
    };
    const task: TrainingTask = {
      work: 'head' in work ? work : { ...work, report: comparisonReport(data, id) },
      reading,
      encoders,
      heads,
      data,
      folder,
      source: found ?? { archive, fileName: 'fileName' in source ? source.fileName : '' },
    };
    await this.#store.add(job, task);
    const entry = this.#enter({ job, task, cancelled: false, events: [] });
    await this.#change(entry, { state: 'queued' });
    this.#start();
    return entry.job;
  }

  /** All jobs, the newest first. */
  list(): Job[] {
    return [...this.#entries.values()].map(({ job }) => job).reverse();
  }

  /** @throws TandemError `unknown-job` */
  get(id: string): Job {
    return this.#entry(id).job;
  }

  /**
   * The page about what a job found: a head's report, or the comparison.
   * @returns HTML
   * @throws TandemError `unknown-job`; `not-found` where the job has none (yet)
   */
  async report(id: string): Promise<string> {
    const { kind, state, result } = this.#entry(id).job;
    if (state !== 'succeeded') throw new TandemError('not-found', `the job is ${state}: it has no report`);
    const file =
      kind === 'compare'
        ? comparisonReport(this.#options.data, id)
        : path.join(result!.folder, headFiles.report);
    return readFile(file, 'utf8');
  }

  /**
   * Asks a job to stop. One that runs stops after its current run of steps.
   * @throws TandemError `unknown-job`
   */
  async cancel(id: string): Promise<Job> {
    const entry = this.#entry(id);
    if (isOver(entry.job.state) || entry.cancelled) return entry.job;
    entry.cancelled = true;
    await this.#store.markCancelled(id);
    if (entry.job.state === 'queued') {
      await this.#end(entry, 'cancelled');
      await rm(entry.task.folder, { recursive: true, force: true });
    } else {
      entry.process?.send('cancel');
      setTimeout(() => entry.process?.kill('SIGKILL'), patience).unref();
    }
    return entry.job;
  }

  /**
   * A job's events after the one numbered `lastEventId`, then the live ones until the job ends or the signal aborts.
   * @throws TandemError `unknown-job`
   */
  async *events(id: string, lastEventId: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    const entry = this.#entry(id);
    const live = on(entry.changed, 'event', { signal });
    let last = lastEventId;
    try {
      while (true) {
        for (const event of entry.events.filter((event) => event.id > last)) {
          last = event.id;
          yield event;
          if (isOver(event.job.state)) return;
        }
        if (isOver(entry.job.state)) return;
        await live.next();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await live.return?.();
    }
  }

  /** Stops what runs, to go on with it at the next start, and waits until all is written down. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) {
      if (entry.job.state !== 'running') continue;
      entry.interrupted = true;
      entry.process?.kill('SIGKILL');
    }
    await this.#running;
    await this.#writing;
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new TandemError('unknown-job', `no job has the id ${JSON.stringify(id)}`);
    return entry;
  }

  #folderOf(id: string): string {
    return path.resolve(this.#options.data, 'jobs', id);
  }

  #enter({ job, task, cancelled, events }: StoredJob): Entry {
    const eventCount = events.length === 0 ? 0 : events.at(-1)!.id + numbersSkipped;
    const changed = new EventEmitter<{ event: [JobEvent] }>();
    const entry = { job, task, cancelled, events, eventCount, changed, interrupted: false };
    this.#entries.set(job.id, entry);
    return entry;
  }

  #restore(stored: StoredJob): void {
    const entry = this.#enter(stored);
    // The settings of this server count, and folders may have moved with the data.
    const { encoders, heads, data } = this.#options;
    entry.task = { ...entry.task, encoders, heads, data, folder: this.#folderOf(entry.job.id) };
    if ('archive' in entry.task.source)
      entry.task.source = { ...entry.task.source, archive: path.join(entry.task.folder, 'upload') };
    if (isOver(entry.job.state)) return;
    if (entry.cancelled) void this.#end(entry, 'cancelled');
    else if (entry.job.state === 'running')
      void this.#change(entry, {
        state: 'queued',
        reason: 'the server stopped while it ran; it goes on from its last checkpoint',
      });
  }

  /** Files of jobs that are over, or that were never accepted. */
  async #removeLeftovers(): Promise<void> {
    const folder = path.resolve(this.#options.data, 'jobs');
    for (const id of await readdir(folder).catch(() => [])) {
      const entry = this.#entries.get(id);
      if (!entry || isOver(entry.job.state)) await rm(this.#folderOf(id), { recursive: true, force: true });
    }
  }

  /** An imported dataset by its id, or a folder among the server's by its name. */
  async #findDataset(name: string): Promise<{ imported: string } | { folder: string }> {
    const { data, datasets } = this.#options;
    const imported = (await new DatasetCatalogue(data).list()).map(({ id }) => id);
    if (imported.includes(name)) return { imported: name };
    const folder = path.join(datasets, name);
    const isFolder =
      path.dirname(folder) === path.normalize(datasets) &&
      (await stat(folder).catch(() => undefined))?.isDirectory();
    if (isFolder) return { folder };
    const folders = await readdir(datasets).catch(() => []);
    throw new TandemError(
      'unknown-dataset',
      `no dataset is named ${JSON.stringify(name)}; there are: ${[...imported, ...folders].join(', ') || 'none'}`,
    );
  }

  #start(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      // One may have come after the last look.
      if (this.#next()) this.#start();
    });
  }

  #next(): Entry | undefined {
    if (this.#closed) return undefined;
    return [...this.#entries.values()].find(({ job }) => job.state === 'queued');
  }

  async #work(): Promise<void> {
    while (true) {
      const entry = this.#next();
      if (!entry) return;
      await this.#train(entry).catch((error) =>
        this.#end(entry, 'failed', { error: describeFailure(error) }),
      );
      if (isOver(entry.job.state)) await rm(entry.task.folder, { recursive: true, force: true });
    }
  }

  async #train(entry: Entry): Promise<void> {
    await this.#change(entry, { state: 'running', reason: undefined, startedAt: new Date().toISOString() });
    const child = fork(new URL('./training-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    entry.process = child;
    child.send({ start: entry.task });
    // It may have been cancelled between the two.
    if (entry.cancelled) child.send('cancel');
    let told = 0;
    let complaint = '';
    child.stderr?.on('data', (text) => {
      complaint = (complaint + text).slice(-2000);
    });
    child.on('message', (message: TrainingMessage) => {
      if (message.kind === 'progress') {
        const { done, total } = message.progress;
        if (Date.now() - told < progressInterval && done < total) return;
        told = Date.now();
        void this.#change(entry, { progress: message.progress });
      } else if (message.kind === 'done') void this.#end(entry, 'succeeded', { result: message.result });
      else if (message.kind === 'compared')
        void this.#end(entry, 'succeeded', { comparison: message.comparison });
      else if (entry.cancelled) void this.#end(entry, 'cancelled');
      else void this.#end(entry, 'failed', { error: message.failure });
    });
    await new Promise<void>((resolve) => {
      child.on('error', (error) => this.#end(entry, 'failed', { error: describeFailure(error) }));
      child.on('exit', (code, signal) => {
        entry.process = undefined;
        if (entry.cancelled) void this.#end(entry, 'cancelled');
        else if (!entry.interrupted) {
          const detail = `the training process ended with ${signal ?? `code ${code}`} ${complaint.trim()}`;
          const error = describeFailure(new TandemError('training-failed', detail.trim()));
          void this.#end(entry, 'failed', { error });
        }
        resolve();
      });
    });
    await this.#writing;
  }

  /** The first end of a job is the one that counts. */
  async #end(
    entry: Entry,
    state: JobState,
    outcome: Pick<Job, 'error' | 'result' | 'comparison'> = {},
  ): Promise<void> {
    if (isOver(entry.job.state)) return;
    await this.#change(entry, { state, reason: undefined, ...outcome, finishedAt: new Date().toISOString() });
  }

  /** Changes of state are written down, one after the other; progress is only told. */
  async #change(entry: Entry, change: Partial<Job>): Promise<void> {
    entry.job = { ...entry.job, ...change };
    const type = change.state ? 'state' : 'progress';
    // A later progress replaces an earlier one: nobody who comes late wants all of them.
    if (entry.events.at(-1)?.type === 'progress') entry.events.pop();
    const event: JobEvent = { id: ++entry.eventCount, type, job: entry.job };
    entry.events.push(event);
    if (type === 'state') {
      const written = this.#writing.then(() => this.#store.record(event));
      this.#writing = written.catch(() => {});
      await written;
    }
    entry.changed.emit('event', event);
  }
}

function comparisonReport(data: string, id: string): string {
  return path.resolve(data, 'comparisons', `${id}.html`);
}

function isOver(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
