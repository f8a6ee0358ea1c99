import type { Generated, Kysely, Transaction } from 'kysely';
import type { TandemError } from '../../errors.ts';

export interface Tables {
  job: JobTable;
  jobEvent: JobEventTable;
  headVersion: HeadVersionTable;
  headAlias: HeadAliasTable;
  headAcceptance: HeadAcceptanceTable;
  dataset: DatasetTable;
  imageUse: ImageUseTable;
  apiKey: ApiKeyTable;
  pendingArtifact: PendingArtifactTable;
  storeFact: StoreFactTable;
  idempotentRequest: IdempotentRequestTable;
  session: SessionTable;
}

interface JobTable {
  id: string;
  /** ISO 8601. */
  createdAt: string;
  state: string;
  /** Jobs with higher ones are done first; those with the same in the order in which they came. */
  priority: number;
  /** Which server it runs on, or ran on last. */
  runner: string | null;
  /** Fencing token: grows whenever the job changes hands. Only who holds the present one may write. */
  token: Generated<number>;
  /** Owners since it last got further that did not say how their attempt ended, the present one included. */
  attempts: Generated<number>;
  /** Least fencing token of the owners that `attempts` counts. */
  countedFrom: Generated<number>;
  /** JSON: keys of its last checkpoint by training; null if there is none. */
  checkpoint: string | null;
  /** JSON: the job as it is shown, and what it takes to run it. */
  job: string;
  task: string;
  /** 1 once somebody asked it to stop. */
  cancelled: number;
}

interface JobEventTable {
  jobId: string;
  /** Rising within the job; numbers may be left out. */
  number: number;
  type: string;
  /** JSON: the job as it was then. */
  job: string;
}

interface HeadVersionTable {
  name: string;
  version: number;
  /** ISO 8601. */
  createdAt: string;
  /** Key of its folder among the artifacts; null once it is deleted. The row stays, so that its number is never given again. */
  folder: string | null;
  /** JSON: sha256 by file name. */
  files: string;
  /** The text of its head.json. */
  manifest: string;
  /** The job that made it. No job makes two. */
  job: string | null;
  /** `trained` where this product trained it in this store; all else is `imported`. */
  origin: Generated<string>;
}

interface HeadAliasTable {
  name: string;
  alias: string;
  /** JSON: the versions that it stood for, the present one first. */
  versions: string;
}

/** What was set of a version after its training. */
interface HeadAcceptanceTable {
  name: string;
  version: number;
  /** JSON: see `acceptanceSchema`; null where nothing is to be decided. */
  acceptance: string;
}

interface DatasetTable {
  id: string;
  /** ISO 8601. */
  createdAt: string;
  /** JSON. */
  record: string;
  /** Key of the file that lists its examples. */
  examples: string;
  /** Who uses its images; null: the dataset itself. */
  imageUser: string | null;
  /** See `Dataset.hash`; null where an earlier release imported it beside this one, or its record was damaged. */
  hash: string | null;
}

/** Which images must stay, because a dataset or an import that is under way uses them. */
interface ImageUseTable {
  /** The id of an import, which a dataset takes over; a dataset's, where an earlier release imported it. */
  user: string;
  /** sha256 of the image. */
  hash: string;
  /** When an import began, ISO 8601. */
  importedAt: string | null;
  /** Where its file lies among the artifacts. */
  key: string;
}

/** What is being brought in, and not registered yet; see `PendingArtifacts`. */
interface PendingArtifactTable {
  id: string;
  /** ISO 8601. */
  startedAt: string;
}

/** What is known of the store as a whole. */
interface StoreFactTable {
  name: string;
  value: string;
}

/** Requests that came with an Idempotency-Key. */
interface IdempotentRequestTable {
  /** sha256 of the caller and the key. */
  key: string;
  /** sha256 of what was asked. */
  fingerprint: string;
  /** ISO 8601. */
  expiresAt: string;
  /** JSON; null while the work goes on. */
  answer: string | null;
}

/** Browsers that are signed in. */
interface SessionTable {
  /** sha256 of its token. */
  hash: string;
  /** The id of the key that it was begun with. */
  key: string;
  /** ISO 8601. */
  createdAt: string;
  expiresAt: string;
}

interface ApiKeyTable {
  id: string;
  name: string;
  scope: string;
  /** ISO 8601. */
  createdAt: string;
  /** sha256 of the secret. */
  hash: string;
  revokedAt: string | null;
}

/** Metadata in SQLite or Postgres. What is committed is on the disk. */
export interface Database {
  readonly kind: 'sqlite' | 'postgres';
  readonly query: Kysely<Tables>;
  /** Why nothing can be changed now, where only a copy of the database can be read; undefined where it can. */
  outage(): TandemError | undefined;
  /**
   * While it stays the same, so does what was read: on SQLite nobody has changed anything since; on Postgres this
   * process hasn't, and others may have for half a second.
   */
  mark(): string;
  /**
   * A transaction that waits for every other one of the same name, whichever process it is in.
   * @example await database.exclusively('heads', (transaction) => transaction.deleteFrom('headAlias').execute());
   */
  exclusively<Result>(
    name: string,
    work: (transaction: Transaction<Tables>) => Promise<Result>,
  ): Promise<Result>;
  /**
   * Does something unless another process is at work under the same name. Nothing may depend on it for being right: a
   * process that loses the database goes on beside the next one.
   * @returns undefined where another process is
   * @example await database.ifNobodyElse('cleaning', () => registry.clean());
   */
  ifNobodyElse<Result>(name: string, work: () => Promise<Result>): Promise<Result | undefined>;
  close(): Promise<void>;
}
