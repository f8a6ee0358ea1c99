import { close, ftruncate, mkdir, open, read, unlink, write } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { itemAt } from '../../indexing.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import type { WritableColumn } from './feature-table.ts';

/** Reads under way at a time. */
const parallelReads = 8;

/** A file has no name, so it is gone when it is closed, and closed when nobody can read its column any more. */
const unreachable = new FinalizationRegistry<number>((descriptor) => close(descriptor));

/**
 * Makes a column in a new file, for more rows than memory should hold. The file loses its name as soon as it is open:
 * whatever happens to the process, nothing stays behind.
 * @param folder on a disk with room for `4 × dimension` bytes a row
 * @example
 * const column = await createFileColumn('data', { modality: 'image', dimension: 1280, present });
 * await column.write(0, features);
 */
export async function createFileColumn(
  folder: string,
  { modality, dimension, present }: { modality: ModalityName; dimension: number; present: Uint8Array },
): Promise<WritableColumn> {
  await promisify(mkdir)(folder, { recursive: true });
  const file = path.join(folder, `.${modality}.${process.pid}.${Date.now()}.features`);
  const descriptor = await promisify(open)(file, 'wx+');
  await promisify(unlink)(file);
  const rowBytes = dimension * Float32Array.BYTES_PER_ELEMENT;
  await promisify(ftruncate)(descriptor, present.length * rowBytes);
  const column: WritableColumn = {
    modality,
    dimension,
    present,
    write: async (firstRow, values, from = 0) => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await wholly(
        promisify(write),
        descriptor,
        bytes,
        firstRow * rowBytes + from * Float32Array.BYTES_PER_ELEMENT,
      );
    },
    read: async (rows, into) => {
      const runs = runsOf(rows);
      const take = async () => {
        for (let run = runs.pop(); run; run = runs.pop()) {
          const bytes = new Uint8Array(
            into.buffer,
            into.byteOffset + run.place * rowBytes,
            run.count * rowBytes,
          );
          await wholly(promisify(read), descriptor, bytes, run.row * rowBytes);
        }
      };
      await Promise.all(Array.from({ length: parallelReads }, take));
    },
  };
  // What selects or scales rows holds on to `read` alone.
  unreachable.register(column.read, descriptor);
  return column;
}

/** Rows that follow one another in the file and are wanted one after the other: one read for each run of them. */
function runsOf(rows: ArrayLike<number>): { row: number; place: number; count: number }[] {
  const runs: { row: number; place: number; count: number }[] = [];
  for (let place = 0; place < rows.length; place++) {
    const row = itemAt(rows, place);
    const last = runs.at(-1);
    if (last && row === last.row + last.count) last.count++;
    else runs.push({ row, place, count: 1 });
  }
  return runs;
}

type Transfer = (
  descriptor: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number } | { bytesWritten: number }>;

/** Repeats a transfer that the system may do in part until all of it is done. */
async function wholly(
  transfer: Transfer,
  descriptor: number,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const result = await transfer(descriptor, bytes, done, bytes.length - done, position + done);
    const count = 'bytesRead' in result ? result.bytesRead : result.bytesWritten;
    if (count === 0) throw new Error('the file of features ends too early');
    done += count;
  }
}
