import type { Readable } from 'node:stream';
import type { DatasetCounts } from '../../datasets/counts.ts';
import type { ColumnNames } from '../../datasets/example.ts';
import type { ColumnGuess } from '../../datasets/read/choose-columns.ts';
import type { EncoderNames } from '../../encoders/encoder-names.ts';
import type { DownloadProgress } from '../../encoders/hub/fetch-model.ts';
import type { ModelSettings } from '../../encoders/model/reader.ts';
import type { EncoderOrigin, EncoderProof } from '../../encoders/origin.ts';
import type { TandemError } from '../../errors.ts';
import type { AnswerMetrics } from '../../evaluation/answers.ts';
import type { VersionComparison } from '../../evaluation/compare-manifests.ts';
import type { ExplainOptions } from '../../heads/explanation.ts';
import type { EncoderSummary } from '../../heads/fitted.ts';
import type { EmbeddedItem, Prediction, PredictionInput } from '../../heads/prediction.ts';
import type { Acceptance } from '../../heads/registry/acceptance.ts';
import type { Job, JobEvent } from '../../jobs/job.ts';
import type { JobRequest, Submission } from '../../jobs/queue.ts';
import type { PredictionFormat } from '../../jobs/task.ts';
import type { Content, ModalityName, PretrainedName } from '../../modalities/registry.ts';
import type { Page } from '../../store/database/page.ts';
import type { TargetKind } from '../../targets/target-kind.ts';
import type { Truth } from '../../targets/truth.ts';
import type { ZeroShotRequest } from '../../training/zero-shot/request.ts';
import type { ZeroShotSummary } from '../../training/zero-shot/zero-shot-head.ts';

/** A registered head version, as `GET /v1/heads` shows it. */
export interface HeadSummary {
  name: string;
  version: number;
  target: TargetKind;
  labels: string[];
  modalities: ModalityName[];
  /** Whose features it takes, in the order of its modalities. */
  encoders: EncoderSummary[];
  createdAt: string;
  metrics: AnswerMetrics;
  /** Which answers are accepted; absent where no threshold is set. */
  acceptance?: Acceptance;
  /** Whether answers say that they are accepted or unsure. */
  decides: boolean;
}

/** Which answers of a version are accepted; null where nothing is decided. */
export interface HeadAcceptance {
  name: string;
  version: number;
  acceptance: Acceptance | null;
}

/** A version that cannot be used, and why. */
export interface DamagedHead {
  name: string;
  version: number;
  problem: string;
}

/** The versions of a head, and the one that each alias stands for. */
export interface HeadVersions {
  name: string;
  versions: number[];
  aliases: Record<string, number>;
}

/** An encoder that heads may be trained with, as `GET /v1/encoders` shows it. */
export interface InstalledEncoder {
  id: string;
  modality: PretrainedName;
  /** Length of a feature vector. */
  dimension: number;
  /** A head takes features of the fingerprint that it was trained on. */
  fingerprint: string;
  /** Whether it ships with the program or was added. */
  place: 'bundled' | 'added';
  license?: string;
  /** Whether the licence, by its name, forbids commercial use. */
  isNonCommercial: boolean;
  /** Of one that was added: from where, how it was read, and what its proof measured. */
  origin?: EncoderOrigin;
}

/** An encoder, and what it was just found to do. */
export interface CheckedEncoder extends InstalledEncoder {
  proof: EncoderProof;
}

/** What a model's files leave open, and what the encoder is called. */
export interface EncoderAddition extends ModelSettings {
  id?: string;
  allowBatchDependence?: boolean;
}

/** A dataset that was brought, as `GET /v1/datasets` shows it. */
export interface DatasetSummary {
  id: string;
  name: string;
  hash: string;
  createdAt: string;
  counts: DatasetCounts;
  notes: string[];
}

/** A dataset whose record cannot be used. */
export interface DamagedDataset {
  id: string;
  problem: string;
}

/** A dataset that somebody brings: one uploaded file, a folder among the server's, or an address. */
export interface DatasetUpload {
  source: { file: string; fileName: string } | { folder: string } | { url: string };
  options: { name?: string } & Partial<ColumnNames>;
}

/** What a dry run finds. */
export interface DatasetTrial {
  name: string;
  problemCount: number;
  /** The first thousand, in order of place. */
  problems: { at: string; detail: string }[];
  /** Rows that were left out, and why; the first thousand. */
  leftOut: { at: string; detail: string }[];
  notes: string[];
  /** Columns that were found under another name than the default one. */
  guesses: ColumnGuess[];
  counts: DatasetCounts;
  preview: ({ at: string; truth: Truth; split?: 'train' | 'test' } & Partial<Record<ModalityName, string>>)[];
}

/** Some examples of a dataset. */
export interface DatasetPage {
  total: number;
  offset: number;
  rows: {
    row: number;
    text?: string;
    table?: Content['table'];
    truth: Truth;
    split?: 'train' | 'test';
    image?: { hash: string; thumbnail: { url: string; width: number; height: number } };
  }[];
}

/** An encoder, as `GET /v1/models` shows it. */
export interface ModelSummary {
  id: string;
  modality: PretrainedName;
  /** Length of a feature vector. */
  dimension: number;
  isLoaded: boolean;
}

/** Everything the HTTP layer asks of the rest of the program. It knows no tensors, files or processes. */
export interface Services {
  /**
   * Classifies a batch. Each item is answered by itself: a bad item yields its own TandemError in its place.
   * @param options `explain`: adds to each answer what it rests on; `mayWait`: not refused where the queue is full; the caller bounds how many they are
   * @throws TandemError `unknown-head`, `overloaded`, `deadline-exceeded` for the batch as a whole.
   */
  predict(
    inputs: PredictionInput[],
    options: {
      head: string;
      topK: number;
      explain?: ExplainOptions;
      signal: AbortSignal;
      mayWait?: boolean;
    },
  ): Promise<{ head: { name: string; version: number }; results: (Prediction | TandemError)[] }>;
  /**
   * Features of items, as the encoders give them, and what each cost, in its modality's unit.
   * @throws TandemError that names what is wrong with an item; `overloaded`
   */
  embed(items: EmbeddedItem[], signal: AbortSignal): Promise<{ features: Float32Array; cost: number }[]>;
  /** The ids of the encoders that embed where a request names none. */
  encoders: Record<PretrainedName, string>;
  /** Those that are in the data folder, and those that ship with the program. Each is named by its id or fingerprint. */
  installedEncoders: {
    list(): Promise<{ encoders: InstalledEncoder[]; damaged?: { problem: string }[] }>;
    /** @throws TandemError `unknown-encoder` */
    get(encoder: string): Promise<InstalledEncoder>;
    /**
     * Downloads a model of the hub and adds it, in a process of its own.
     * @param model `owner/name@revision`
     * @throws TandemError `unknown-model`, `model-download`, `invalid-encoder`, `encoder-conflict`, `overloaded`
     */
    add(
      model: string,
      settings: EncoderAddition,
      options: { signal: AbortSignal; onProgress?(progress: DownloadProgress): void },
    ): Promise<InstalledEncoder>;
    /**
     * Checks its files and proves it again, in a process of its own, one after the other.
     * @throws TandemError `unknown-encoder`, `damaged-artifact`, `invalid-encoder`, `overloaded`
     */
    check(encoder: string): Promise<CheckedEncoder>;
    /** @throws TandemError `unknown-encoder`; `encoder-in-use` where a head or the server needs it */
    remove(encoder: string): Promise<void>;
  };
  /** Every encoder that is here, those of the settings first; another is loaded when it is first asked. */
  models(): Promise<ModelSummary[]>;
  /**
   * The latest version of the heads of a page, by name, and how many heads there are; those whose manifest cannot be read
   * count as well and are told of apart.
   */
  heads(page: Page): Promise<{ heads: HeadSummary[]; damaged: DamagedHead[]; total: number }>;
  /** The version that a reference means: `pets`, `pets@3`, `pets@production`. @throws TandemError `unknown-head` */
  head(reference: string): Promise<HeadSummary>;
  /** Each throws TandemError `unknown-head`, and answers with the versions as they are then. */
  versions: {
    get(name: string): Promise<HeadVersions>;
    /**
     * What differs between two versions, and the figures of both.
     * @param other a version or an alias of the same head, or `name@version` of any
     */
    compare(name: string, version: string, other: string): Promise<VersionComparison>;
    /** @throws TandemError `invalid-request` (the alias's name) */
    setAlias(name: string, alias: string, version: number): Promise<HeadVersions>;
    /**
     * @param accuracy wished for among the answers that are accepted; null: decide nothing
     * @throws TandemError `invalid-request` where no threshold reaches it
     */
    accept(name: string, version: string, accuracy: number | null): Promise<HeadAcceptance>;
    rollback(name: string, alias: string): Promise<HeadVersions>;
    deleteAlias(name: string, alias: string): Promise<HeadVersions>;
    /** @throws TandemError `invalid-request` (no number), `head-in-use` where an alias stands for it, or it ships with the program */
    delete(name: string, version: string): Promise<HeadVersions>;
    /** A version as one file, and what to call it. */
    export(name: string, version: string): Promise<{ name: string; content: Readable }>;
    /**
     * Registers what `export` gave; the file stays the caller's.
     * @throws TandemError `invalid-head`, `head-conflict`, `invalid-request` (the name)
     */
    import(file: string, name?: string): Promise<{ name: string; version: number }>;
    /**
     * Makes a head of the names of its labels.
     * @throws TandemError `invalid-request` naming what is wrong, or what the encoders' files leave open; `unknown-encoder`
     */
    zeroShot(
      name: string,
      request: Omit<ZeroShotRequest, 'head'> & EncoderNames,
      signal: AbortSignal,
    ): Promise<ZeroShotSummary>;
  };
  datasets: {
    /**
     * Checks and stores a dataset. The uploaded file stays the caller's.
     * @param signal ends the work; then nothing of it stays
     * @throws TandemError `invalid-dataset`, `unknown-dataset`, `remote-file`, `remote-disabled`, `payload-too-large`,
     * `deadline-exceeded`, `overloaded`
     */
    add(upload: DatasetUpload, signal: AbortSignal): Promise<{ dataset: DatasetSummary; isNew: boolean }>;
    /** Only checks it; nothing is kept. */
    try(upload: DatasetUpload, signal: AbortSignal): Promise<DatasetTrial>;
    /** The newest first, and how many there are; those whose record cannot be read count as well and are told of apart. */
    list(page: Page): Promise<{ datasets: DatasetSummary[]; damaged: DamagedDataset[]; total: number }>;
    /** Each of these throws TandemError `unknown-dataset`. */
    get(id: string): Promise<DatasetSummary>;
    rows(id: string, page: Page & { row?: number }): Promise<DatasetPage>;
    /** A zip file and what to call it. */
    export(id: string): Promise<{ name: string; content: Readable }>;
    /** @throws TandemError `dataset-in-use` where a job still needs it */
    delete(id: string): Promise<void>;
  };
  jobs: {
    /**
     * Starts a fine-tuning, a comparison or an evaluation in the background. `file` is the path of an upload, which the job owns
     * from here on; `dataset` is the id of an imported dataset, or names a folder below the server's dataset folder.
     * When it resolves nothing of it can be lost any more.
     * @param by the name of the caller's key; and an id for the job: where the same caller had it a moment ago, that job is the
     *   answer
     * @throws TandemError `unknown-dataset`, `unknown-head` (of an evaluation), `invalid-request` (head name), `overloaded`
     * (queue full).
     */
    submit(request: JobRequest, by?: Submission): Promise<Job>;
    /** The newest first, and how many there are in all. */
    list(page: Page): Promise<{ jobs: Job[]; total: number }>;
    /** @throws TandemError `unknown-job` */
    get(id: string): Promise<Job>;
    /** Events after `lastEventId` (0: all), then live ones until the job ends or the signal aborts. */
    events(id: string, lastEventId: number, signal: AbortSignal): AsyncIterable<JobEvent>;
    /** @throws TandemError `unknown-job` */
    cancel(id: string): Promise<Job>;
    /**
     * Queues a job again that failed or was cancelled.
     * @throws TandemError `unknown-job`, `job-conflict`
     */
    retry(id: string): Promise<Job>;
    /** The page about what a job found, as HTML. @throws TandemError `unknown-job`, `not-found` if there is no report yet */
    report(id: string): Promise<string>;
    /**
     * Every answer of an evaluation beside what is true, and what to call the file.
     * @throws TandemError `unknown-job`, `not-found` if there are none (yet)
     */
    predictions(id: string, format: PredictionFormat): Promise<{ name: string; content: Readable }>;
  };
  /** True where a real inference succeeded a moment ago, or does now; the answer comes within two seconds. */
  ready(): Promise<boolean>;
  /** Some of the heads that take features of encoders that are not here, as of a moment ago, as `name@version`. */
  unfitHeads(): readonly string[];
  /** Execution provider in use. */
  provider: 'cpu' | 'cuda';
}
