import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { TandemError } from '../../errors.ts';
import { revived } from '../../failure.ts';
import { ProcessEnded } from '../../runtime/supervised-process.ts';
import { WarmProcesses } from '../../runtime/warm-process.ts';
import { leaveToCleaning } from '../../store/artifacts/artifacts.ts';
import { Scratch } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import { DatasetCatalogue } from '../catalogue.ts';
import type { DatasetSource } from './import.ts';
import type { ImportMessage, ImportOrder } from './import-task.ts';
import { memoryExceeded } from './memory-exceeded.ts';

export interface ImportLimits {
  /** Most memory of an import, in MiB. */
  memory: number;
  /** Milliseconds that an import may take. */
  timeout: number;
}

/** Imports that run side by side, and those that may wait for them. */
const importsAtOnce = 2;
const maximumQueue = 32;

type Ended<Kind extends ImportMessage['kind']> = Extract<ImportMessage, { kind: Kind }>;

/**
 * Imports and dry runs, each in a process of its own with a limit on memory and time. For a minute after one the process
 * of the next is ready. Whatever a file does to it, nothing
 * else suffers, and nothing of it stays.
 * @example
 * const imports = new ImportProcesses(store, 'data/uploads', { memory: 2048, timeout: 3_600_000 });
 * const { record } = await imports.import({ file, fileName: 'pets.zip' }, { name: 'pets' }, signal);
 */
export class ImportProcesses {
  readonly #store: Store;
  readonly #workspace: string;
  readonly #timeout: number;
  readonly #processes: WarmProcesses;
  readonly #limit = pLimit(importsAtOnce);
  readonly #closing = new AbortController();
  /** Imports that are under way, their cleaning up included. */
  readonly #underWay = new Set<Promise<unknown>>();

  /** @param workspace folder for what is unpacked meanwhile; on the same disk as the data */
  constructor(store: Store, workspace: string, { memory, timeout }: ImportLimits) {
    this.#store = store;
    this.#workspace = workspace;
    this.#timeout = timeout;
    this.#processes = new WarmProcesses(new URL('./import-process.ts', import.meta.url), { memory });
  }

  /**
   * Brings a dataset into the catalogue.
   * @param signal ends the import
   * @throws TandemError as `importDataset`; `payload-too-large` where it needs too much memory; `deadline-exceeded`;
   * `overloaded` where too many imports wait
   */
  import(
    source: DatasetSource,
    options: ImportOrder['options'],
    signal: AbortSignal,
  ): Promise<Omit<Ended<'imported'>, 'kind'>> {
    return this.#untilDone(async () => {
      const importing = randomUUID();
      const keep = { store: this.#store.options, importing };
      try {
        const { kind: _, ...imported } = await this.#run('imported', { source, options, keep }, signal);
        return imported;
      } catch (error) {
        await leaveToCleaning(this.#abandon(importing));
        throw error;
      }
    });
  }

  /** Checks a dataset and keeps nothing; see {@link import}. */
  try(
    source: DatasetSource,
    options: ImportOrder['options'],
    signal: AbortSignal,
  ): Promise<Ended<'tried'>['trial']> {
    return this.#untilDone(async () => (await this.#run('tried', { source, options }, signal)).trial);
  }

  /** Ends what is under way, waits until it is cleaned up, and takes no more. */
  async close(): Promise<void> {
    this.#closing.abort(new TandemError('overloaded', 'the server stops', { retryAfter: 60 }));
    this.#processes.close();
    await Promise.allSettled(this.#underWay);
  }

  #untilDone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = work();
    this.#underWay.add(done);
    const forget = () => this.#underWay.delete(done);
    done.then(forget, forget);
    return done;
  }

  async #abandon(importing: string): Promise<void> {
    await new DatasetCatalogue(this.#store).abandon(importing);
    await new Scratch(this.#store.options.data).removeAbandoned();
  }

  #run<Kind extends 'imported' | 'tried'>(
    kind: Kind,
    order: Omit<ImportOrder, 'scratch'>,
    caller: AbortSignal,
  ): Promise<Ended<Kind>> {
    if (this.#limit.pendingCount >= maximumQueue)
      throw new TandemError('overloaded', `${maximumQueue} imports are waiting`, { retryAfter: 60 });
    const signal = AbortSignal.any([caller, this.#closing.signal]);
    return this.#limit(async () => {
      signal.throwIfAborted();
      const scratch = await mkdtemp(path.join(this.#workspace, '.import-'));
      try {
        return await this.#supervise(kind, { ...order, scratch }, signal);
      } finally {
        await leaveToCleaning(rm(scratch, { recursive: true, force: true }));
      }
    });
  }

  async #supervise<Kind extends 'imported' | 'tried'>(
    kind: Kind,
    order: ImportOrder,
    signal: AbortSignal,
  ): Promise<Ended<Kind>> {
    let last: ImportMessage | undefined;
    const onMessage = (message: ImportMessage) => {
      last = message;
    };
    const options = { timeout: this.#timeout, signal, onMessage };
    await this.#processes.run<ImportMessage>({ ...order }, options).catch((error) => {
      throw error instanceof ProcessEnded ? describeEnding(error, order) : error;
    });
    if (last?.kind === 'failed') throw revived(last.failure, 'an import');
    if (last?.kind !== kind) throw new Error('the import process ended without an answer');
    return last as Ended<Kind>;
  }
}

function describeEnding({ reason, message }: ProcessEnded, { source, options }: ImportOrder): Error {
  const dataset = options.name ?? ('file' in source ? source.fileName : path.basename(source.folder));
  const detail = message.replace(/^it/, 'the import');
  const items = [{ at: dataset, detail }];
  if (reason === 'memory') return memoryExceeded(`${dataset}: ${detail}`, items);
  if (reason === 'timeout')
    return new TandemError('deadline-exceeded', `${dataset}: ${detail}`, {
      items,
      fix: 'Split the dataset into several, or let imports take longer (--import-timeout).',
    });
  return new Error(`the import process of ${JSON.stringify(dataset)} failed: ${message}`);
}
