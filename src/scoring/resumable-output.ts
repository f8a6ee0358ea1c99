import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { syncToDisk } from '../store/files/durable.ts';
import { exists } from '../store/files/exists.ts';
import { readJsonFile, writeJsonFile } from '../store/files/json-file.ts';
import type { Output, Tally } from './output.ts';

const tally = { rows: z.int(), failed: z.int() };
const stateSchema = z.object({
  tandem: z.literal('partial output'),
  /** What the rows were made of. */
  identity: z.record(z.string(), z.string()),
  ...tally,
  /** Of the partial file. */
  bytes: z.int(),
});
type State = z.infer<typeof stateSchema>;

export interface ResumableOptions {
  /** What the output is made of, by what to call it: with another one its rows cannot go on. */
  identity: Readonly<Record<string, string>>;
  /** Replaces a file that is there. */
  force: boolean;
  /** Begins anew, whatever an earlier run has left. */
  restart: boolean;
}

/**
 * A file that grows in pieces, each on the disk before the next: whoever is killed at any moment goes on after the last of
 * them. Until it is whole it is called `<file>.partial`, with `<file>.partial.json` beside it.
 * @example
 * const output = await ResumableOutput.open('scored.csv', { identity, force: false, restart: false });
 * await output.append('1,cat\n', { rows: 1, failed: 0 });
 * await output.finish();
 */
export class ResumableOutput implements Output {
  readonly #file: string;
  readonly #handle: FileHandle;
  #state: State;

  private constructor(file: string, handle: FileHandle, state: State) {
    this.#file = file;
    this.#handle = handle;
    this.#state = state;
  }

  /** @throws TandemError `output-conflict` where the file is there already, or what an earlier run left is of something else */
  static async open(file: string, { identity, force, restart }: ResumableOptions): Promise<ResumableOutput> {
    const [partial, record] = [partialOf(file), recordOf(file)];
    const known = restart ? undefined : await readState(record);
    if (known) checkIdentity(file, known.identity, identity);
    // Killed after the file was whole, before the record was gone.
    if (known && !(await exists(partial)) && (await sizeOf(file)) === known.bytes) {
      await rename(file, partial);
    } else if (!force && (await exists(file)))
      throw new TandemError('output-conflict', `${file} is there already`, {
        fix: 'Name another file with --out, or replace this one with --force.',
      });
    const isKept = known !== undefined && ((await sizeOf(partial)) ?? -1) >= known.bytes;
    const state: State = isKept
      ? known
      : { tandem: 'partial output', identity: { ...identity }, rows: 0, failed: 0, bytes: 0 };
    const handle = await open(partial, isKept ? 'r+' : 'w').catch((error: NodeJS.ErrnoException) => {
      throw new TandemError('output-conflict', `${file} cannot be written: ${error.message}`, {
        fix: 'Name a file in a folder that is there and may be written to.',
        cause: error,
      });
    });
    await handle.truncate(state.bytes);
    await writeJsonFile(record, state);
    return new ResumableOutput(file, handle, state);
  }

  get done(): Tally {
    const { rows, failed } = this.#state;
    return { rows, failed };
  }

  get isEmpty(): boolean {
    return this.#state.bytes === 0;
  }

  async append(text: string, { rows, failed }: Tally): Promise<void> {
    const bytes = Buffer.from(text);
    const state = this.#state;
    await this.#handle.write(bytes, 0, bytes.length, state.bytes);
    await this.#handle.datasync();
    this.#state = {
      ...state,
      rows: state.rows + rows,
      failed: state.failed + failed,
      bytes: state.bytes + bytes.length,
    };
    await writeJsonFile(recordOf(this.#file), this.#state);
  }

  async finish(): Promise<void> {
    await this.#handle.sync();
    await rename(partialOf(this.#file), this.#file);
    await syncToDisk(path.dirname(path.resolve(this.#file)));
    await rm(recordOf(this.#file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

const partialOf = (file: string) => `${file}.partial`;
const recordOf = (file: string) => `${file}.partial.json`;

async function readState(record: string): Promise<State | undefined> {
  return readJsonFile(
    record,
    stateSchema,
    'does not say how far an earlier run came',
    'Begin anew with --restart.',
  );
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.size;
}

function checkIdentity(
  file: string,
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): void {
  const changed = Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name]);
  if (changed.length === 0) return;
  throw new TandemError(
    'output-conflict',
    `${partialOf(file)} was begun with another ${changed.join(' and another ')}`,
    {
      items: changed.map((name) => ({ at: name, detail: `${before[name]} then, ${now[name]} now` })),
      fix: 'Begin anew with --restart, or go on with what it was begun with.',
    },
  );
}
