import { rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { batchFlags, type Settings } from '../config.ts';
import { chooseEncoders, type EncoderNames, resolveNames } from '../encoders/encoder-names.ts';
import type { Encoders } from '../encoders/encoders.ts';
import type { DownloadProgress } from '../encoders/hub/fetch-model.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { byPretrained } from '../modalities/registry.ts';
import { memoryBound } from '../runtime/memory-bound.ts';
import { Scratch } from '../store/scratch.ts';
import { openStore, type Store } from '../store/store.ts';
import { Calls } from './calls.ts';
import { encoderOptions, resolvingOf } from './encoder-settings.ts';
import { makeLogger } from './logger.ts';
import { Observers } from './observers.ts';
import { Parts } from './parts.ts';
import { shippedHeads, storeOptions } from './store-options.ts';

/** Takes work, and is told when it is to end. */
export interface Taker {
  /** Says that it ends soon, and still takes work. */
  drain(): void;
  /** Takes no more, and waits for what it has taken. */
  close(): Promise<void>;
}

export interface ContextOptions {
  /** Told of models of the hub that are downloaded because a setting names them. */
  onDownload?(progress: DownloadProgress): void;
}

/**
 * What all of a Tandem works with: the settings, and the parts that they describe. A part is opened when it is first
 * asked for, which is also when its code is loaded, and closed with the context.
 * @example
 * const context = new Context(settings);
 * const registry = await context.registry();
 * await context.close();
 */
export class Context {
  readonly settings: Settings;
  readonly observers = new Observers();
  /** Of the library, which are waited for before anything is freed. */
  readonly calls = new Calls();
  #closing: Promise<void> | undefined;
  /** Closed before every part, side by side. */
  readonly takers = new Set<Taker>();
  readonly parts = new Parts();

  readonly #onDownload: ContextOptions['onDownload'];

  constructor(settings: Settings, { onDownload }: ContextOptions = {}) {
    this.settings = settings;
    this.#onDownload = onDownload;
  }

  /** Of what serves and what works in the background. */
  readonly logger = this.parts.add(async () => makeLogger(this.settings['log-level']));

  readonly store = this.parts.add(
    async (closing): Promise<Store> => closing.use(await openStore(storeOptions(this.settings))),
  );

  /** Folders for what is only needed meanwhile. */
  readonly scratch = this.parts.add(async (closing) => {
    const scratch = new Scratch(this.settings.data);
    closing.defer(() => scratch.close());
    return scratch;
  });

  /** Requires the database alone, so that keys can be made on a machine that cannot reach the artifacts. */
  readonly keys = this.parts.add(async (closing) => {
    const { data, databaseUrl } = storeOptions(this.settings);
    const [{ openDatabase }, { ApiKeys }] = await Promise.all([
      import('../store/database/open-database.ts'),
      import('../store/keys.ts'),
    ]);
    const database = await openDatabase(data, databaseUrl);
    closing.defer(() => database.close());
    return new ApiKeys(database);
  });

  readonly registry = this.parts.add(
    async () => new HeadRegistry(await this.store(), shippedHeads(this.settings)),
  );

  readonly catalogue = this.parts.add(async () => {
    const { DatasetCatalogue } = await import('../datasets/catalogue.ts');
    return new DatasetCatalogue(await this.store());
  });

  /** The encoders that the settings name; a model of the hub is downloaded for it. */
  readonly encoderOptions = this.parts.add(async () => encoderOptions(this.settings, this.#onDownload));

  /** What `tune` measured on this machine. */
  readonly tuning = this.parts.add(async () => {
    const { readTuning } = await import('./tuning-file.ts');
    return readTuning(this.settings.data, await this.encoderOptions());
  });

  /** Each is loaded when it is first used. */
  readonly encoders = this.parts.add(async (closing): Promise<Encoders> => {
    const { openEncoders } = await import('../encoders/encoders.ts');
    const options = await this.encoderOptions();
    const engines = tuned(options.engines, (await this.tuning())?.engines);
    const encoders = await openEncoders({ ...options, engines }, this.observers.encoderEvents);
    closing.defer(() => encoders.close());
    return encoders;
  });

  /**
   * The encoders that a call names, as settings name them, in the place of those of the settings.
   * @throws TandemError `unknown-encoder`; as `resolveEncoder`
   */
  async encodersFor(names: EncoderNames): Promise<Encoders> {
    const encoders = await this.encoders();
    return chooseEncoders(encoders, await resolveNames(names, resolvingOf(this.settings, this.#onDownload)));
  }

  readonly predictor = this.parts.add(async () => {
    const { Predictor } = await import('../heads/predictor.ts');
    const { settings, observers: observer } = this;
    const measured = (await this.tuning())?.budgets;
    const encoders = await this.encoders();
    return new Predictor(encoders, {
      budgets: byPretrained(({ name }) => tuned(settings[batchFlags[name]], measured?.[name])),
      maximumQueue: settings['max-queue'],
      maximumWait: settings['max-wait'],
      memoryBytes: settings.memory * 2 ** 20,
      observer,
    });
  });

  /** Heads that are loaded, and the engines that they run on. */
  readonly heads = this.parts.add(async (closing) => {
    const [{ HeadCache }, { HeadEngines }] = await Promise.all([
      import('../heads/cache.ts'),
      import('../heads/engines.ts'),
    ]);
    const { settings, observers } = this;
    const encoders = await this.encoders();
    const engines = closing.use(
      new HeadEngines({
        provider: encoders.provider.provider,
        timeout: settings['head-timeout'],
        ...observers.engineEvents,
      }),
    );
    const loaderOf: ConstructorParameters<typeof HeadCache>[0] = (version) => engines.loaderOf(version);
    const maximumBytes = memoryBound(settings['head-memory'], { share: 1 / 8, least: 2 ** 30 });
    return new HeadCache(loaderOf, encoders, maximumBytes);
  });

  /** Training rows of heads, which explanations name. */
  readonly nearest = this.parts.add(async () => {
    const { NearestExamples } = await import('../heads/nearest-examples.ts');
    return new NearestExamples(async (hash) => (await (await this.catalogue()).withHash(hash))?.id);
  });

  /** From here on no other process may serve or run jobs on the data folder. */
  readonly lock = this.parts.add(async (closing) => {
    const { lockData } = await import('../store/database/data-lock.ts');
    closing.defer(await lockData(this.settings.data));
  });

  /** Runs jobs from when it is first asked for. */
  readonly jobs = this.parts.add(async (closing): Promise<JobQueue> => {
    const { openJobs } = await import('./job-queue.ts');
    const jobs = await openJobs(this);
    // Where it was being opened while the rest closed, nobody else closes it.
    closing.defer(() => jobs.close());
    this.takers.add({
      // What it trains resumes elsewhere the sooner; what fails of it fails again at the end, and is told then.
      drain: () => void jobs.handOver().catch(() => {}),
      close: () => jobs.close(),
    });
    return jobs;
  });

  /** Works in a new, empty folder on the disk of the data, which is removed afterwards. */
  async inScratch<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
    const folder = await (await this.scratch()).makeFolder();
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /**
   * Refuses new calls, closes what takes work, waits for the calls in flight, then closes every part that was opened; once,
   * however often it is called.
   * @param drainDelay milliseconds for which requests are still taken, while the server says that it is not ready
   */
  close(drainDelay = 0): Promise<void> {
    this.#closing ??= this.#close(drainDelay);
    return this.#closing;
  }

  async #close(drainDelay: number): Promise<void> {
    await using closing = new AsyncDisposableStack();
    closing.defer(() => this.parts.close());
    // Those that a call began while the others were closed.
    closing.defer(() => this.#closeTakers());
    closing.defer(() => this.calls.ended());
    closing.defer(() => this.#closeTakers());
    this.calls.close();
    for (const taker of this.takers) taker.drain();
    if (this.takers.size > 0) await setTimeout(drainDelay);
  }

  async #closeTakers(): Promise<void> {
    const takers = [...this.takers];
    this.takers.clear();
    const ends = await Promise.allSettled(takers.map((taker) => taker.close()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
}

function tuned(chosen: number | 'auto', measured: number | undefined): number | 'auto' {
  return chosen === 'auto' ? (measured ?? chosen) : chosen;
}
