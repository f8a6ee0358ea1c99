import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { writeDurably } from '../../store/files/durable.ts';
import type { TrainingHistory } from './history.ts';

/** Where a training stands: all that it takes to go on and end with the same bytes. */
export interface TrainingState {
  /** Steps taken. */
  step: number;
  /** What the model carries from step to step, by name. */
  tensors: Record<string, Float32Array>;
  /** What the steps reported. */
  history: TrainingHistory;
}

/** Keeps the state of one training. */
export interface Checkpoint {
  /**
   * The last state that was kept of this very work.
   * @param work everything that decides the training: a state of other work is not given back
   */
  read(work: object): Promise<TrainingState | undefined>;
  /**
   * Keeps a state: `running` if the last one kept is old enough, `done` sooner, because it will not be written again, and
   * `stopping` in any case.
   */
  write(work: object, state: TrainingState, phase: 'running' | 'done' | 'stopping'): Promise<void>;
}

/** Keeps what a piece of work gave that is done, so that it is not done again. */
export interface KeptResult<Result> {
  /** What was kept of this very work; see `Checkpoint`. */
  read(work: object): Promise<Result | undefined>;
  write(work: object, result: Result): Promise<void>;
}

/** A checkpoint that was written just now. */
export interface WrittenCheckpoint {
  /** Which training of the job it is of. */
  name: string;
  file: string;
  /** Steps taken; 1 of what is done. */
  step: number;
}

export interface CheckpointOptions {
  /** Seconds between two states that are kept: at most as much work is lost. */
  seconds?: number;
  /** Told why a checkpoint is not used. */
  onNote?(note: string): void;
  /** Told of each that is on the disk. */
  onWritten?(written: WrittenCheckpoint): void;
}

const format = 1;
const extension = '.checkpoint';
const checksumLength = 32;

/**
 * A folder of checkpoints, one for each training of a fine-tuning or a comparison. A file is the sha256 of the rest, and
 * the rest.
 * @example
 * const checkpoints = new CheckpointFolder('state/job-7', { dataset: hash, seed });
 * await trainHead(engine, table, { …, checkpoint: checkpoints.stage('final') });
 * await checkpoints.clear();
 */
export class CheckpointFolder {
  readonly #folder: string;
  readonly #identity: string;
  readonly #options: CheckpointOptions;

  /** @param identity what all trainings rest on: dataset, encoders, versions. States of another one are not used. */
  constructor(folder: string, identity: object, options: CheckpointOptions = {}) {
    this.#folder = folder;
    this.#identity = sha256(JSON.stringify(identity)).toString('hex');
    this.#options = options;
  }

  /** @param name tells the trainings of a fine-tuning apart; part of a file name */
  stage(name: string): Checkpoint {
    const { seconds = 10 } = this.#options;
    let written = performance.now();
    return {
      read: async (work) => {
        written = performance.now();
        const state = await this.#read<TrainingState>(name, work);
        // The arrays are views of the file's bytes, and a tensor must own its memory to go to the engine's thread.
        const tensors = Object.entries(state?.tensors ?? {}).map(([key, values]) => [key, values.slice()]);
        return state && { ...state, tensors: Object.fromEntries(tensors) };
      },
      write: async (work, state, phase) => {
        const due = { running: seconds, done: seconds / 10, stopping: 0 }[phase];
        if (performance.now() - written < due * 1000) return;
        await this.#write(name, work, state);
        written = performance.now();
      },
    };
  }

  /** @param name tells the pieces of work apart; part of a file name */
  result<Result>(name: string): KeptResult<Result> {
    return {
      read: async (work) => (await this.#read<{ step: number; result: Result }>(name, work))?.result,
      write: (work, result) => this.#write(name, work, { step: 1, result }),
    };
  }

  /** Removes the checkpoints, and the folder if nothing else is in it: the fine-tuning is done. */
  async clear(): Promise<void> {
    const files = await readdir(this.#folder).catch(() => []);
    const own = files.filter((file) => file.includes(extension));
    await Promise.all(own.map((file) => rm(path.join(this.#folder, file))));
    if (own.length > 0 && own.length === files.length) await rmdir(this.#folder);
  }

  /** The state; undefined where there is no file, or no use for it. */
  async #read<State>(name: string, work: object): Promise<State | undefined> {
    const file = checkpointFile(this.#folder, name);
    const found = await readCheckpoint(file);
    if (found === undefined) return undefined;
    if (typeof found === 'object' && found.key === this.#keyOf(work)) return found.state as State;
    const why =
      typeof found === 'string' ? found : 'it is of another dataset, recipe, seed, encoder or version';
    this.#options.onNote?.(`${file} is not used: ${why}`);
    return undefined;
  }

  async #write<State extends { step: number }>(name: string, work: object, state: State): Promise<void> {
    const file = checkpointFile(this.#folder, name);
    const content = serialize({ key: this.#keyOf(work), state });
    await mkdir(this.#folder, { recursive: true });
    await writeDurably(file, Buffer.concat([sha256(content), content]));
    this.#options.onWritten?.({ name, file, step: state.step });
  }

  #keyOf(work: object): string {
    return JSON.stringify({ format, rests: this.#identity, work });
  }
}

/** Where the checkpoint of a training lies in a folder of them. */
export function checkpointFile(folder: string, name: string): string {
  return path.join(folder, `${name}${extension}`);
}

/** The steps that a checkpoint had taken; undefined if missing or damaged. */
export async function stepOfCheckpoint(file: string): Promise<number | undefined> {
  const found = await readCheckpoint(file);
  return typeof found === 'object' ? found.state.step : undefined;
}

/** What a file holds, undefined if missing, or why it cannot be read. */
async function readCheckpoint(
  file: string,
): Promise<{ key: string; state: { step: number } } | string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return (error as Error).message;
  }
  const content = bytes.subarray(checksumLength);
  if (!sha256(content).equals(bytes.subarray(0, checksumLength))) return 'it is damaged';
  return deserialize(content);
}

function sha256(content: Uint8Array | string): Buffer {
  return createHash('sha256').update(content).digest();
}
