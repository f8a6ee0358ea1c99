import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Transaction } from 'kysely';
import { DatasetCatalogue } from '../datasets/catalogue.ts';
import type { ColumnNames } from '../datasets/example.ts';
import type { SplitChoice } from '../datasets/split/split-rows.ts';
import { namesByModality } from '../encoders/encoder-names.ts';
import { encodersIn, joinReferences } from '../encoders/reference.ts';
import { TandemError } from '../errors.ts';
import { parseHeadManifest } from '../heads/head.ts';
import { headFiles } from '../heads/manifest.ts';
import { checkHeadName } from '../heads/registry/head-name.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import { verifiedFile } from '../heads/registry/verified-file.ts';
import { required } from '../indexing.ts';
import { isFitted, type PretrainedName } from '../modalities/registry.ts';
import type { Tables } from '../store/database/database.ts';
import type { Page } from '../store/database/page.ts';
import { keptFor } from '../store/idempotent-requests.ts';
import { retryWhileAway } from '../store/retry-while-away.ts';
import { storageError } from '../store/storage-error.ts';
import type { Store } from '../store/store.ts';
import { encodersOfStart, readStart } from '../training/zero-shot/start.ts';
import { isTooOld } from './clean-artifacts.ts';
import type { Dispatcher } from './dispatcher.ts';
import { EmbeddedDispatcher } from './embedded-dispatcher.ts';
import { isOver, type Job, type JobEvent } from './job.ts';
import { JobFeed } from './job-feed.ts';
import type { JobReader } from './job-reader.ts';
import { type RequestedSource, takeSource } from './job-source.ts';
import { JobStore } from './job-store.ts';
import { JobUpkeep } from './job-upkeep.ts';
import type { JobEncoders } from './required-encoders.ts';
import { interruption, JobRunner } from './runner.ts';
import {
  type JobTask,
  kindOf,
  outcomeKey,
  type PredictionFormat,
  type RequiredEncoders,
  type TrainingPlace,
} from './task.ts';

export interface JobQueueOptions {
  store: Store;
  registry: HeadRegistry;
  /** What jobs have on this server. */
  place: Omit<TrainingPlace, 'folder' | 'store'>;
  /** Of this server. Where servers share a database, each takes the jobs for encoders that it has. */
  encoders: JobEncoders;
  /** This server's own name, which stays when it starts again. */
  runner: string;
  /** Jobs that run side by side; with 0, jobs are submitted here and run elsewhere. */
  atOnce: number;
  maximumQueue: number;
  /** See `RunnerOptions`. */
  mostCrashes: number;
  /** Told of every state that a job reaches by what this server does. */
  onState?(job: Job): void;
  /** Told what goes wrong that no caller waits for. */
  onError(error: Error): void;
}

/** Who submits a job, and how. */
export interface Submission {
  /** The job's id, where the request is named so that it may be sent again. */
  requestId?: string;
  /** Name of the API key. */
  key?: string;
}

export interface JobRequest extends Partial<ColumnNames>, SplitChoice {
  /**
   * What to do: make a head, compare the strategies over so many splits, or measure a head: `pets`, `pets@3` or
   * `pets@production`, whichever version that is now.
   */
  work: JobTask['work'];
  source: RequestedSource;
  /** Jobs with a higher one are done first; default: 0. */
  priority?: number;
  /**
   * The encoder of each modality: its id, or the beginning of its fingerprint; of several, as `a+b`, features are concatenated.
   * Those of the server by default.
   */
  encoders?: Partial<Record<PretrainedName, string>>;
}

/**
 * Fine-tunings, comparisons and evaluations, each in a process of its own. A job that was accepted is written down: it outlives the
 * server, and goes on from its last checkpoint when the next one starts.
 * @example
 * const jobs = await JobQueue.open({ … });
 * const { id } = await jobs.submit({ work: { head: 'pets', seed: 0 }, source: { dataset: 'pets' } });
 * for await (const { job } of jobs.events(id, 0, signal)) console.log(job.state, job.progress);
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #jobs: JobStore;
  readonly #runner: JobRunner;
  readonly #dispatcher: Dispatcher;
  readonly #feed: JobFeed;
  readonly #upkeep: JobUpkeep;
  #closed = false;
  #isStopping = false;

  private constructor(options: JobQueueOptions, jobs: JobStore, dispatcher: Dispatcher) {
    const { store, registry, runner, place, mostCrashes } = options;
    this.#options = options;
    this.#jobs = jobs;
    this.#dispatcher = dispatcher;
    this.#feed = new JobFeed(jobs);
    this.#runner = new JobRunner(jobs, {
      ...{ store, registry, dispatcher, runner, mostCrashes },
      place: { ...place, store: store.options },
      onEvent: (event) => this.#tell(event),
    });
    this.#upkeep = new JobUpkeep(options, { jobs, dispatcher, runner: this.#runner });
  }

  /** Takes up where this server left off. */
  static async open(options: JobQueueOptions): Promise<JobQueue> {
    const { store, runner, atOnce, encoders, onError } = options;
    const jobs = new JobStore(store.database);
    const { databaseUrl } = store.options;
    const dispatcher =
      databaseUrl === undefined
        ? new EmbeddedDispatcher(jobs, atOnce)
        : await (await import('./boss-dispatcher.ts')).BossDispatcher.open(databaseUrl, {
            ...{ atOnce, encoders: encoders.defaults, onError },
          });
    const held = await jobs.heldBy(runner);
    const release = async () => {
      for (const id of held)
        await jobs.change(
          id,
          { states: ['running'], runner },
          { state: 'queued', reason: interruption },
          (transaction, offered) => dispatcher.offer(transaction, offered),
        );
    };
    const isReleased = await release().then(
      () => true,
      (error) => {
        // On a disk that cannot be written to jobs wait, and predictions do not.
        if (!storageError(error)) throw error;
        onError(error);
        return false;
      },
    );
    const queue = new JobQueue(options, jobs, dispatcher);
    await dispatcher.restore(await jobs.offered());
    await dispatcher.start((id, claim) =>
      queue.#runner.run(id, claim).catch((error) => {
        if (!queue.#isStopping) onError(error);
        throw error;
      }),
    );
    if (!isReleased)
      void retryWhileAway(release, { isWanted: () => !queue.#closed }).then(
        () => dispatcher.wake(),
        (error) => queue.#closed || onError(error),
      );
    queue.#upkeep.start();
    return queue;
  }

  /**
   * Adds a job. An uploaded file belongs to the job from here on. When this resolves nothing of it can be lost.
   * @param by who submits it, for the log; and an id for the job: one of that id that was added within a day is the answer, and
   *   nothing is added
   * @throws TandemError `unknown-dataset`, `unknown-head`, `unknown-encoder`, `overloaded`, `invalid-request` (the head's name; columns of an imported dataset; a
   *   folder of this server, where another may run the job)
   */
  async submit(
    { work: asked, source, priority = 0, testShare, splitBy, encoders: names = {}, ...reading }: JobRequest,
    { requestId, key }: Submission = {},
  ): Promise<Job> {
    if ('head' in asked) checkHeadName(asked.head);
    if (this.#closed) throw new TandemError('overloaded', 'the server stops', { retryAfter: 60 });
    const earlier = requestId === undefined ? undefined : await this.#jobs.find(requestId);
    if (earlier && Date.now() - Date.parse(earlier.createdAt) < keptFor) {
      if ('file' in source) await rm(source.file, { force: true });
      return earlier;
    }
    const work = await this.#pinned(asked);
    const id = earlier || requestId === undefined ? randomUUID() : requestId;
    const job: Job = {
      id,
      kind: kindOf(work),
      state: 'queued',
      ...('head' in work && { head: work.head }),
      ...('evaluate' in work && { head: work.evaluate.head }),
      dataset: 'dataset' in source ? source.dataset : source.fileName,
      priority,
      ...(key !== undefined && { submittedBy: key }),
      createdAt: new Date().toISOString(),
    };
    const split = { testShare, splitBy };
    const encoders = await this.#requiredBy(work, names);
    const found = await takeSource(this.#options, id, { source, reading });
    const task: JobTask = { work, reading, split, source: found, encoders };
    const added = await this.#jobs.add(
      job,
      task,
      this.#options.maximumQueue,
      async (transaction, offered) => {
        await this.#claimDataset(transaction, task);
        await this.#dispatcher.offer(transaction, offered);
      },
    );
    if (!added.isNew) return added.job;
    await this.#dispatcher.serve(encoders).catch(this.#options.onError);
    this.#dispatcher.wake();
    this.#options.onState?.(job);
    return job;
  }

  /** Some of the jobs, the newest first, and how many there are. */
  list(page: Page): Promise<{ jobs: Job[]; total: number }> {
    return this.#jobs.list(page);
  }

  /** See {@link JobReader.trainingOn}. */
  trainingOn(...sought: Parameters<JobReader['trainingOn']>): Promise<string | undefined> {
    return this.#jobs.trainingOn(...sought);
  }

  /** @throws TandemError `unknown-job` */
  async get(id: string): Promise<Job> {
    return (await this.#jobs.get(id)).job;
  }

  /**
   * The page about what a job found: a head's report, the comparison, or the evaluation.
   * @returns HTML
   * @throws TandemError `unknown-job`; `not-found` where the job has none (yet); `damaged-artifact`
   */
  async report(id: string): Promise<string> {
    const { kind, state, result } = await this.get(id);
    if (state !== 'succeeded') throw new TandemError('not-found', `the job is ${state}: it has no report`);
    const { store, registry } = this.#options;
    if (kind !== 'train') return readFile(await store.artifacts.path(outcomeKey(kind, id)), 'utf8');
    const { head, version } = required(result, 'the result of a job that succeeded');
    const registered = await registry.open(`${head}@${version}`);
    return (await verifiedFile(registered, headFiles.report)).toString();
  }

  /**
   * Every answer of an evaluation beside what is true, as a table.
   * @returns the file, and what to call it
   * @throws TandemError `unknown-job`; `not-found` where the job has none (yet); `damaged-artifact`
   */
  async predictions(id: string, format: PredictionFormat): Promise<{ name: string; content: Readable }> {
    const { kind, state } = await this.get(id);
    if (kind !== 'evaluate')
      throw new TandemError(
        'not-found',
        `the job is of the kind ${kind}: only an evaluation has predictions`,
      );
    if (state !== 'succeeded')
      throw new TandemError('not-found', `the job is ${state}: it has no predictions`);
    const file = await this.#options.store.artifacts.path(outcomeKey(kind, id, format));
    return { name: `predictions-${id}.${format}`, content: createReadStream(file) };
  }

  /**
   * Asks a job to stop. One that runs is `cancelling` until it has stopped, after its current run of steps.
   * @throws TandemError `unknown-job`
   */
  async cancel(id: string): Promise<Job> {
    const { job } = await this.#jobs.get(id);
    if (isOver(job.state)) return job;
    await this.#jobs.markCancelled(id);
    const finishedAt = new Date().toISOString();
    const ended = await this.#jobs.change(
      id,
      { states: ['queued'] },
      { state: 'cancelled', finishedAt, reason: undefined, nextTryAt: undefined },
    );
    if (ended) this.#tell(ended);
    else {
      if (job.state !== 'cancelling')
        this.#tell(await this.#jobs.change(id, { states: ['running'] }, { state: 'cancelling' }));
      this.#runner.cancel(id);
    }
    return this.get(id);
  }

  /**
   * Queues a job again that failed or was cancelled; it goes on from its last checkpoint, where it has one.
   * @throws TandemError `unknown-job`; `job-conflict` where it is in another state, or what was uploaded for it is gone;
   * `unknown-dataset` where its dataset is
   */
  async retry(id: string): Promise<Job> {
    const { job, task } = await this.#jobs.get(id);
    if ('upload' in task.source && job.finishedAt !== undefined && isTooOld(job.finishedAt))
      throw new TandemError('job-conflict', 'what was uploaded for it is kept for a week, and is gone');
    const again = await this.#jobs.change(
      id,
      { states: ['failed', 'cancelled'] },
      {
        state: 'queued',
        reason: 'it is tried again on request',
        isCancelled: false,
        startedAt: undefined,
        finishedAt: undefined,
        progress: undefined,
        notes: undefined,
        error: undefined,
        outages: undefined,
        uncounted: 'all',
      },
      async (transaction, offered) => {
        await this.#claimDataset(transaction, task);
        await this.#dispatcher.offer(transaction, offered);
      },
    );
    if (!again) throw new TandemError('job-conflict', `the job is ${job.state}`);
    this.#tell(again);
    this.#dispatcher.wake();
    return again.job;
  }

  /**
   * A job's events after the one numbered `lastEventId`, then the live ones until the job ends or the signal aborts.
   * @throws TandemError `unknown-job`
   */
  events(id: string, lastEventId: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    return this.#feed.follow(id, lastEventId, signal);
  }

  /**
   * Hands over what runs here, with its last checkpoint, to other servers or the next start, and takes nothing more.
   * Jobs may still be submitted, read and cancelled.
   */
  async handOver(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([this.#dispatcher.stop(), this.#runner.handOver()]);
  }

  /** The same, and waits until all is written down. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#upkeep.stop();
    await this.handOver();
    await this.#dispatcher.close();
  }

  #tell(event: JobEvent | undefined): void {
    if (!event) return;
    this.#feed.tell(event);
    if (event.type === 'state') this.#options.onState?.(event.job);
  }

  /** The work with the version that is measured or started from, so that it stays the same whatever is registered meanwhile. */
  async #pinned(work: JobTask['work']): Promise<JobTask['work']> {
    const { registry } = this.#options;
    if ('evaluate' in work) {
      const { name, version } = await registry.open(work.evaluate.head);
      return { evaluate: { ...work.evaluate, head: `${name}@${version}` } };
    }
    if (!('head' in work) || work.startFrom === undefined) return work;
    return { ...work, startFrom: readStart(await registry.open(work.startFrom)).head };
  }

  /** Of an evaluation those whose features the head takes, whatever is named; of a training those of what it starts from. */
  async #requiredBy(
    work: JobTask['work'],
    names: Partial<Record<PretrainedName, string>>,
  ): Promise<RequiredEncoders> {
    const { encoders, registry } = this.#options;
    if (!('evaluate' in work)) {
      const startFrom = 'head' in work ? work.startFrom : undefined;
      const start = startFrom === undefined ? {} : encodersOfStart(readStart(await registry.open(startFrom)));
      const given = Object.entries({ ...names }).filter(([, name]) => name !== undefined);
      const asked = { ...namesByModality(start), ...Object.fromEntries(given) };
      return { ...encoders.defaults, ...(await encoders.named(asked)) };
    }
    const { name, version, manifest } = await registry.open(work.evaluate.head);
    const taken = parseHeadManifest(manifest, `${name}@${version}`).encoders;
    const required = taken.flatMap((encoder) =>
      isFitted(encoder.modality) ? [] : [[encoder.modality, joinReferences(encodersIn(encoder))]],
    );
    return Object.fromEntries(required);
  }

  /** From here on the dataset of a job is not deleted before the job is over. */
  async #claimDataset(transaction: Transaction<Tables>, { source }: JobTask): Promise<void> {
    if ('imported' in source)
      await new DatasetCatalogue(this.#options.store).claim(transaction, source.imported);
  }
}
