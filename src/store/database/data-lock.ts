import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TandemError } from '../../errors.ts';
import { makeFolders } from '../files/make-folders.ts';
import { storageError } from '../storage-error.ts';

/** Primary result code of SQLite (https://sqlite.org/rescode.html). */
const busy = 5;

/**
 * Keeps every other server off a data folder until the returned function is called, or the process ends.
 * @throws TandemError `data-in-use` where another process has it; see also `makeDataFolder`
 * @example const unlock = await lockData('data');
 */
export async function lockData(data: string): Promise<() => void> {
  await makeDataFolder(data);
  return lockFile(path.join(data, 'lock'));
}

/**
 * Makes the data folder where it is missing.
 * @throws TandemError `storage-unavailable`; `invalid-configuration` where something else is in its place
 */
export async function makeDataFolder(data: string): Promise<void> {
  await makeFolders(data).catch((cause) => {
    const problem = `the data folder ${data} cannot be made: ${cause.message}`;
    throw storageError(cause) ?? new TandemError('invalid-configuration', problem, { cause });
  });
}

/**
 * A lock between processes that ends with its process, however that ends: a transaction in an empty SQLite file.
 * @param patience milliseconds to wait for it
 * @throws TandemError `data-in-use`
 */
export function lockFile(file: string, patience = 0): () => void {
  const held = new DatabaseSync(file, { timeout: patience });
  try {
    // A journal on the disk would need space there.
    held.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    held.close();
    if ((error as { errcode?: number }).errcode !== busy) throw error;
    throw new TandemError('data-in-use', `another process holds ${file}`, { cause: error });
  }
  return () => held.close();
}
