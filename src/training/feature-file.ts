import { type FileHandle, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Modality } from '../inference/prediction.ts';
import type { FeatureColumn } from './feature-table.ts';

/** A column whose numbers lie in a file: for more rows than memory should hold. */
export interface FileColumn extends FeatureColumn {
  /** Writes rows that follow one another. */
  write(firstRow: number, values: Float32Array): Promise<void>;
  /** The file is gone then. */
  close(): Promise<void>;
}

/** Reads under way at a time. */
const parallelReads = 8;

/**
 * Makes a column in a new file, which has no name any more once it is open: whatever happens to the process, nothing
 * stays behind. Rows that are never written are zeros.
 * @param folder on a disk with room for `4 × dimension` bytes a row
 * @example
 * const column = await createFileColumn('data', { modality: 'image', dimension: 1280, present });
 * await column.write(0, features);
 */
export async function createFileColumn(
  folder: string,
  { modality, dimension, present }: { modality: Modality; dimension: number; present: Uint8Array },
): Promise<FileColumn> {
  const file = path.join(folder, `.${modality}.${process.pid}.${Date.now()}.features`);
  const handle = await open(file, 'wx+');
  await unlink(file);
  const rowBytes = dimension * Float32Array.BYTES_PER_ELEMENT;
  await handle.truncate(present.length * rowBytes);
  return {
    modality,
    dimension,
    present,
    write: async (firstRow, values) => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await handle.write(bytes, 0, bytes.length, firstRow * rowBytes);
    },
    read: async (rows, into) => {
      const runs = runsOf(rows);
      const take = async () => {
        for (let run = runs.pop(); run; run = runs.pop()) {
          const offset = into.byteOffset + run.place * rowBytes;
          await readFully(
            handle,
            new Uint8Array(into.buffer, offset, run.count * rowBytes),
            run.row * rowBytes,
          );
        }
      };
      await Promise.all(Array.from({ length: parallelReads }, take));
    },
    close: () => handle.close(),
  };
}

/** Rows that follow one another in the file and are wanted one after the other: one read for each run of them. */
function runsOf(rows: ArrayLike<number>): { row: number; place: number; count: number }[] {
  const runs: { row: number; place: number; count: number }[] = [];
  for (let place = 0; place < rows.length; place++) {
    const last = runs.at(-1);
    if (last && rows[place] === last.row + last.count) last.count++;
    else runs.push({ row: rows[place], place, count: 1 });
  }
  return runs;
}

async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error('the file of features ends too early');
    done += bytesRead;
  }
}
