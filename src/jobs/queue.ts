import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { TargetKind } from '../arl/target.ts';
import { TandemError } from '../errors.ts';
import type { EncoderOptions } from '../inference/encoders.ts';
import { headNamePattern } from '../store/heads.ts';
import { DatasetCatalogue } from '../training/dataset/catalogue.ts';
import { describeFailure, type JobFailure } from './failure.ts';
import type { Job, JobEvent, JobState } from './job.ts';
import type { TrainingMessage, TrainingTask } from './training-process.ts';

export interface JobQueueOptions {
  encoders: EncoderOptions;
  heads: { root: string; shipped: string[] };
  /** Folder of all data: imported datasets, cached features. */
  data: string;
  /** Folder of the datasets' folders that requests may name. */
  datasets: string;
  /** Folder for what jobs unpack; a job's part of it goes when the job ends. */
  workspace: string;
  maximumQueue: number;
}

export interface JobRequest {
  head: string;
  source: { dataset: string } | { archive: string; fileName: string };
  seed?: number;
  /** What a row's label is, and what stands between several; of a dataset that is not imported yet. */
  target?: TargetKind;
  labelSeparator?: string;
}

interface Entry {
  job: Job;
  task: TrainingTask;
  /** Uploads and unpacked files, to be removed at the end. */
  temporary: string[];
  events: JobEvent[];
  eventCount: number;
  changed: EventEmitter<{ event: [JobEvent] }>;
  process?: ChildProcess;
  cancelled: boolean;
}

/** Progress is told at most this often, in milliseconds. */
const progressInterval = 100;
/** A training that was asked to stop and didn't is killed after this, in milliseconds. */
const patience = 10_000;

/**
 * The fine-tunings of this process, one at a time, each in a process of its own.
 * @example
 * const jobs = new JobQueue({ … });
 * const { id } = await jobs.submit({ head: 'pets', source: { dataset: 'pets' } });
 * for await (const { job } of jobs.events(id, 0, signal)) console.log(job.state, job.progress);
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #entries = new Map<string, Entry>();
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  /**
   * Adds a job. An uploaded archive belongs to the job from here on.
   * @throws TandemError `unknown-dataset`, `invalid-request` (the head's name), `overloaded`
   */
  async submit({ head, source, seed = 0, ...reading }: JobRequest): Promise<Job> {
    if (!headNamePattern.test(head))
      throw new TandemError(
        'invalid-request',
        `${JSON.stringify(head)} is no name for a head: use up to 64 of a-z 0-9 . _ -`,
      );
    const waiting = [...this.#entries.values()].filter(({ job }) => job.state === 'queued').length;
    if (this.#closed || waiting >= this.#options.maximumQueue)
      throw new TandemError('overloaded', `${waiting} jobs are waiting`, { retryAfter: 60 });
    const id = randomUUID();
    const unpackTo = path.join(this.#options.workspace, id);
    const { encoders, heads, data } = this.#options;
    const entry: Entry = {
      job: {
        id,
        state: 'queued',
        head,
        dataset: 'dataset' in source ? source.dataset : source.fileName,
        createdAt: new Date().toISOString(),
      },
      task: {
        head,
        seed,
        reading,
        encoders,
        heads,
        data,
        source:
          'dataset' in source
            ? await this.#findDataset(source.dataset)
            : { archive: source.archive, fileName: source.fileName, unpackTo },
      },
      temporary: 'archive' in source ? [source.archive, unpackTo] : [],
      events: [],
      eventCount: 0,
      changed: new EventEmitter(),
      cancelled: false,
    };
    this.#entries.set(id, entry);
    this.#change(entry, { state: 'queued' });
    this.#running ??= this.#work();
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
   * Asks a job to stop. One that runs stops after its current run of steps.
   * @throws TandemError `unknown-job`
   */
  cancel(id: string): Job {
    const entry = this.#entry(id);
    if (entry.job.state === 'queued') {
      this.#end(entry, 'cancelled');
      void removeTemporary(entry);
    } else if (entry.job.state === 'running' && !entry.cancelled) {
      entry.cancelled = true;
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

  /** Cancels what runs and waits for its end. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { job } of this.#entries.values()) this.cancel(job.id);
    await this.#running;
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new TandemError('unknown-job', `no job has the id ${JSON.stringify(id)}`);
    return entry;
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

  async #work(): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.job.state !== 'queued') continue;
      await this.#train(entry).catch((error) => this.#end(entry, 'failed', describeFailure(error)));
      await removeTemporary(entry);
    }
    this.#running = undefined;
  }

  #train(entry: Entry): Promise<void> {
    this.#change(entry, { state: 'running', startedAt: new Date().toISOString() });
    const child = fork(new URL('./training-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    entry.process = child;
    child.send({ start: entry.task });
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
        this.#change(entry, { progress: message.progress });
      } else if (message.kind === 'done') {
        this.#end(entry, 'succeeded', undefined, message.summary);
      } else {
        this.#end(
          entry,
          entry.cancelled ? 'cancelled' : 'failed',
          entry.cancelled ? undefined : message.failure,
        );
      }
    });
    return new Promise((resolve) => {
      child.on('error', (error) => this.#end(entry, 'failed', describeFailure(error)));
      child.on('exit', (code, signal) => {
        const detail =
          `the training process ended with ${signal ?? `code ${code}`} ${complaint.trim()}`.trim();
        const failure = describeFailure(new TandemError('training-failed', detail));
        this.#end(entry, entry.cancelled ? 'cancelled' : 'failed', entry.cancelled ? undefined : failure);
        entry.process = undefined;
        resolve();
      });
    });
  }

  /** The first end of a job is the one that counts. */
  #end(entry: Entry, state: JobState, error?: JobFailure, result?: Job['result']): void {
    if (isOver(entry.job.state)) return;
    this.#change(entry, { state, error, result, finishedAt: new Date().toISOString() });
  }

  #change(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
    const type = change.state ? 'state' : 'progress';
    // A later progress replaces an earlier one: nobody who comes late wants all of them.
    if (entry.events.at(-1)?.type === 'progress') entry.events.pop();
    const event: JobEvent = { id: ++entry.eventCount, type, job: entry.job };
    entry.events.push(event);
    entry.changed.emit('event', event);
  }
}

async function removeTemporary({ temporary }: Entry): Promise<void> {
  for (const file of temporary) await rm(file, { recursive: true, force: true });
}

function isOver(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
