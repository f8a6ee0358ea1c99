import { randomBytes } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { leaveToCleaning } from '../store/artifacts/artifacts.ts';
import { storageError } from '../store/storage-error.ts';
import type { Store } from '../store/store.ts';
import { checkpointFile, stepOfCheckpoint, type WrittenCheckpoint } from '../training/loop/checkpoints.ts';
import { type JobStore, lostJob } from './job-store.ts';
import type { Ownership } from './ownership.ts';
import type { KeptCheckpoint } from './stored-job.ts';
import { checkpointsKey } from './task.ts';

/** Seconds between two uploads, unless one takes so long that it would slow the training down. */
const uploadInterval = 10;
/** An upload may take this share of the time at most. */
const uploadShare = 0.02;

export interface SharedCheckpointOptions {
  store: Store;
  jobs: JobStore;
  owner: Ownership;
  /** The folder that the trainings keep their checkpoints in. */
  folder: string;
  /** Seconds between two uploads; 10 by default. */
  seconds?: number;
  /** Told that another server has taken the job over. */
  onLost(error: Error): void;
}

/**
 * A job's checkpoints among the artifacts, from which any server resumes. They are written to a folder of this machine
 * first, and uploaded beside the training, seldom enough not to slow it down. The job's row names them, so that a server
 * that lost the job cannot put its own in their place.
 * @example
 * const shared = new SharedCheckpoints({ store, jobs, owner, folder, onLost });
 * await shared.download();
 * await fineTune(encoders, registry, { …, checkpoints: folder, onCheckpoint: (written) => shared.note(written) });
 */
export class SharedCheckpoints {
  readonly #options: SharedCheckpointOptions;
  readonly #waiting = new Map<string, WrittenCheckpoint>();
  #kept: KeptCheckpoint = {};
  #uploading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(options: SharedCheckpointOptions) {
    this.#options = options;
    this.#next = performance.now() + 1000 * this.#interval;
  }

  /** Brings the folder up to what an earlier owner uploaded. A checkpoint that is missing costs time and nothing else. */
  async download(): Promise<void> {
    const { store, jobs, owner, folder } = this.#options;
    this.#kept = (await jobs.get(owner.id)).checkpoint;
    for (const [name, { key, step }] of Object.entries(this.#kept)) {
      const file = checkpointFile(folder, name);
      const own = await stepOfCheckpoint(file);
      if (own !== undefined && own >= step) continue;
      await mkdir(folder, { recursive: true });
      await store.artifacts.path(key).then(
        (copy) => copyFile(copy, file),
        (error) => {
          if (storageError(error)) throw error;
        },
      );
    }
  }

  /** Hears of a checkpoint in the folder; uploads it when it is time. */
  note(written: WrittenCheckpoint): void {
    this.#waiting.set(written.name, written);
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        void this.upload();
      },
      Math.max(0, this.#next - performance.now()),
    ).unref();
  }

  /** Uploads what is not uploaded yet. Where the store is away it stays on this machine until the next time. */
  upload(): Promise<void> {
    this.#uploading = this.#uploading.then(() => this.#uploadWaiting());
    return this.#uploading;
  }

  get #interval(): number {
    return this.#options.seconds ?? uploadInterval;
  }

  async #uploadWaiting(): Promise<void> {
    const written = [...this.#waiting.values()];
    if (written.length === 0) return;
    this.#waiting.clear();
    const began = performance.now();
    try {
      await this.#keep(written);
    } catch (error) {
      // Newer ones may have been written meanwhile.
      for (const one of written) if (!this.#waiting.has(one.name)) this.#waiting.set(one.name, one);
      if (!storageError(error)) this.#options.onLost(error as Error);
    }
    const took = performance.now() - began;
    this.#next = performance.now() + Math.max(1000 * this.#interval, took / uploadShare);
  }

  async #keep(written: readonly WrittenCheckpoint[]): Promise<void> {
    const { store, jobs, owner } = this.#options;
    const round = randomBytes(4).toString('hex');
    const added = written.map(({ name, file, step }) => {
      const key = `${checkpointsKey(owner.id)}/${name}-${owner.token}-${round}`;
      return { name, file, step, key };
    });
    await store.artifacts.add(added.map(({ key, file }) => [key, file] as const));
    const before = this.#kept;
    const kept = {
      ...before,
      ...Object.fromEntries(added.map(({ name, key, step }) => [name, { key, step }])),
    };
    const isFurther = added.some(({ name, step }) => step > (before[name]?.step ?? 0));
    if (!(await jobs.keepCheckpoint(owner, kept, isFurther))) throw lostJob();
    this.#kept = kept;
    const replaced = added.flatMap(({ name }) => (before[name] ? [before[name].key] : []));
    await leaveToCleaning(store.artifacts.remove(replaced));
  }
}
