import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EmbeddedItem } from '../heads/prediction.ts';
import type { PretrainedName } from '../modalities/registry.ts';
import type { Services } from '../protocols/pipeline/services.ts';
import type { ApiKey, Scope } from '../store/keys.ts';
import type { TunedComparison } from '../training/compare-tuning.ts';
import type { Comparison } from '../training/comparison.ts';
import type { Evaluation } from '../training/evaluation.ts';
import type { TrainingSummary } from '../training/progress.ts';
import type { Datasets } from './datasets.ts';
import type { InstalledEncoders } from './encoders.ts';
import type { Heads } from './heads.ts';
import type { Content, Predictions, PredictOptions } from './prediction.ts';
import type { ScoreOptions, ScoringSummary } from './scoring.ts';
import type { CompareOptions, CompareTuningOptions, EvaluateOptions, TrainOptions } from './training.ts';

export interface ListenOptions {
  /** Address to listen on; that of the settings by default. */
  host?: string;
  /** Port to listen on, 0 for a free one; that of the settings by default. */
  port?: number;
  /** Port for gRPC, 0 for a free one, `off` for none; that of the settings by default. */
  grpcPort?: number | 'off';
}

/** Answers HTTP, and gRPC where it has a port. */
export interface Server {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  /** `127.0.0.1:8081` */
  readonly grpc?: string;
  /** Whether a request needs a key, as things stand at the start. */
  readonly needsKey: boolean;
  readonly provider: { readonly provider: 'cpu' | 'cuda'; readonly reason: string };
  /** Where everything is kept, in words. */
  readonly store: { readonly metadata: string; readonly artifacts: string };
  /** Engines, the most that a batch of each modality costs, and the file that says so where `tune` measured them. */
  readonly batching: {
    readonly engines: number;
    readonly budgets: Readonly<Record<PretrainedName, number>>;
    readonly tuning?: string;
  };
  /** Takes no new requests and waits for the open ones, 10 seconds at most. Everything else goes on until the Tandem is closed. */
  close(): Promise<void>;
}

/** A listener of requests for Node's `http` module, and a middleware of Express and what is like it. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** API keys of servers. As soon as there is one, every request needs one. */
export interface Keys {
  /**
   * Makes a key. Its secret is returned now and kept nowhere.
   * @throws TandemError `invalid-configuration` (the name)
   */
  create(name: string, scope: Scope): Promise<ApiKey & { secret: string }>;
  list(): Promise<ApiKey[]>;
  /** Takes a key back, from the next request on. @throws TandemError `unknown-key` */
  revoke(id: string): Promise<ApiKey>;
}

/** Trainings, comparisons and evaluations in the background, each in a process of its own; they resume after a restart. */
export interface Jobs extends Omit<Services['jobs'], 'events'> {
  /**
   * A job's events, then the live ones until it is over, the signal aborts, or the Tandem is closed.
   * @param options `after`: number of the last event that is known; 0 by default
   * @throws TandemError `unknown-job`
   * @example for await (const { job } of tandem.jobs.events(id)) console.log(job.state, job.progress);
   */
  events(
    id: string,
    options?: { after?: number; signal?: AbortSignal },
  ): ReturnType<Services['jobs']['events']>;
}

/**
 * Fine-tunes and serves image+text classifiers in this process. Everything is opened when it is first needed: to list heads
 * loads no encoder. Each method throws TandemError `closed` once it is closed, `invalid-request` naming each option that is
 * not valid, and `storage-unavailable`, `damaged-artifact` or `newer-store` where what is stored cannot be used.
 */
export interface Tandem extends AsyncDisposable {
  /**
   * Classifies items, each by itself: what is wrong with one is a TandemError in its place.
   * @throws TandemError `unknown-head`, `head-conflict`, `head-stopped`
   * @example
   * const { results } = await tandem.predict([{ text: 'a red bike' }, { image: await readFile('bike.jpg') }], { head: 'bikes' });
   */
  predict(inputs: readonly Content[], options?: PredictOptions): Promise<Predictions>;
  /**
   * Answers every row of a table, or every file of a folder, and writes the rows with their answers. A row that cannot be
   * answered says why. An interrupted call goes on where it was when it is made again, and ends with the same bytes.
   * @param input a table (CSV, JSON lines) or a folder
   * @throws TandemError `unknown-head`, `unknown-dataset`, `invalid-dataset` where the table cannot be read to its end or
   *   has no column for the head; `output-conflict`; `job-cancelled` where the signal aborts
   * @example const { rows, failed } = await tandem.score('listings.csv', { out: 'scored.csv', head: 'pets' });
   */
  score(input: string, options: ScoreOptions): Promise<ScoringSummary>;
  /**
   * Features of images and texts as the encoders give them, and what each cost: pixels or tokens.
   * @throws TandemError that names what is wrong with an item
   * @example const [{ features }] = await tandem.embed([{ modality: 'text', input: 'a red bike' }]); // Float32Array
   */
  embed(
    items: readonly EmbeddedItem[],
    options?: { signal?: AbortSignal },
  ): Promise<{ features: Float32Array; cost: number }[]>;
  /**
   * Trains a head in this process and registers it as the next version of its name. `jobs` does it in a process of its own.
   * @param dataset a folder, or the id of an imported data set
   * @throws TandemError `invalid-request` (the head's name), `unknown-dataset`, `invalid-dataset`, `invalid-recipe`,
   *   `job-cancelled` where the signal aborts, `training-failed`
   * @example const { version, metrics } = await tandem.train('photos', { head: 'pets', onProgress: console.log });
   */
  train(dataset: string, options: TrainOptions): Promise<TrainingSummary>;
  /**
   * Trains every strategy on equal terms and says which is better. Nothing is registered.
   * @throws TandemError as `train`
   * @example const { results, verdict } = await tandem.compare('photos', { seeds: 10, report: 'comparison.html' });
   */
  compare(dataset: string, options?: CompareOptions): Promise<Comparison>;
  /**
   * Trains heads on frozen and on tuned encoders, with the modalities balanced in several ways, and says whether tuning
   * pays, and whether ARL does.
   * @throws TandemError as `train`
   * @example const { tuning, verdict } = await tandem.compareTuning('photos', { tune: ['text:last-2', 'image:last-1'] });
   */
  compareTuning(dataset: string, options: CompareTuningOptions): Promise<TunedComparison>;
  /**
   * Measures a head on every example of a data set.
   * @throws TandemError `unknown-head`, `unknown-dataset`; `invalid-dataset` naming each row that the head cannot be judged by
   * @example const { metrics } = await tandem.evaluate('photos-of-june', { head: 'pets@2' });
   */
  evaluate(dataset: string, options: EvaluateOptions): Promise<Evaluation>;
  readonly heads: Heads;
  readonly encoders: InstalledEncoders;
  readonly datasets: Datasets;
  /**
   * The first call starts what is queued, and locks the data folder.
   * @throws TandemError `data-in-use` where another process serves the data folder
   */
  readonly jobs: Jobs;
  readonly keys: Keys;
  /**
   * Listens for HTTP, and for gRPC where there is a port for it. The data folder is locked, encoders are loaded, and from
   * now on jobs run, leftovers of crashes are removed, metrics are counted, and traces are sent where
   * `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.
   * @throws TandemError `invalid-configuration` where the address is taken, or others can reach it and there is no key;
   *   `data-in-use`
   * @example
   * const server = await tandem.listen({ port: 8080 });
   * await fetch(`${server.address}/v1/predict`, { method: 'POST', body: form });
   */
  listen(options?: ListenOptions): Promise<Server>;
  /**
   * All of `listen` without a port: to mount in an application, before it parses bodies, or to call in tests. Without a
   * key it answers requests of this machine alone, unless the setting `anonymous` is `everyone`.
   * @throws TandemError `data-in-use`
   * @example app.use('/tandem', await tandem.handler());
   */
  handler(): Promise<Handler>;
  /**
   * Refuses new calls with `closed`, finishes open requests and calls in flight (abort their signals to end them sooner), stops
   * running jobs after their last checkpoint, and frees everything.
   * @param drainDelay milliseconds for which requests are still taken, while `/readyz` answers 503; 0 by default
   */
  close(drainDelay?: number): Promise<void>;
}
