import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Rows that were written, and how many of them were not answered. */
export interface Tally {
  rows: number;
  failed: number;
}

/** Where rows are written. */
export interface Output extends AsyncDisposable {
  /** What is written by now. */
  readonly done: Tally;
  /** Whether not even a header is written. */
  readonly isEmpty: boolean;
  /** Adds rows. It is on its way, or on the disk, when it resolves. */
  append(text: string, tally: Tally): Promise<void>;
  /** Makes the output whole. */
  finish(): Promise<void>;
}

/**
 * An output into a stream, such as that of a pipe: it cannot go on where an earlier one ended.
 * @example const output = streamOutput(process.stdout);
 */
export function streamOutput(stream: Writable): Output {
  const done = { rows: 0, failed: 0 };
  let isEmpty = true;
  return {
    done,
    get isEmpty() {
      return isEmpty;
    },
    async append(text, { rows, failed }) {
      isEmpty = false;
      done.rows += rows;
      done.failed += failed;
      if (!stream.write(text)) await once(stream, 'drain');
    },
    async finish() {},
    async [Symbol.asyncDispose]() {},
  };
}
