import { abandonedAfter } from '../files/durable.ts';
import { storageError } from '../storage-error.ts';

/**
 * Files under keys like `heads/pets/3-1f2e3d4c/head.onnx`. What a key holds never changes. A row of the database says
 * what is meant to be there; files without one are left over from a crash.
 */
export interface Artifacts {
  /**
   * Keeps copies of files, which last when this resolves. What is there already stays.
   * @param onAdded counts the files
   */
  add(files: Iterable<readonly [key: string, file: string]>, onAdded?: (done: number) => void): Promise<void>;
  /** The same with one file, which is gone afterwards. */
  take(key: string, file: string): Promise<void>;
  /**
   * A file of this machine with the content, to read only.
   * @throws TandemError `damaged-artifact` if it is missing
   */
  path(key: string): Promise<string>;
  /** The content of a small file, as it is now; undefined if missing. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Whether there is a file under a key. */
  has(key: string): Promise<boolean>;
  /** What is not there is no error. */
  remove(keys: readonly string[]): Promise<void>;
  /** What lies below a key, with its age in milliseconds. */
  list(prefix: string): AsyncIterable<{ key: string; age: number }>;
  /** Keys below one whose files were copied to this machine. */
  listCopies(prefix: string): AsyncIterable<string>;
  /** Removes such copies; what they were copied from stays. */
  removeCopies(keys: readonly string[]): Promise<void>;
  /** Makes room on this machine where what lies elsewhere was copied to it and has not been asked for since long. */
  removeStaleCopies(): Promise<void>;
}

/**
 * Waits until what no row speaks of any more is removed. Where the store is away it is left to the next cleaning: what
 * was asked for is done all the same.
 */
export async function leaveToCleaning(removal: Promise<void>): Promise<void> {
  await removal.catch((error) => {
    if (!storageError(error)) throw error;
  });
}

/** Files that are added at a time. */
export const addedAtOnce = 8;

/** Files that are looked up and removed at a time. */
const removedAtOnce = 1000;

/**
 * Removes what a crash left below a key: old files that nothing speaks of.
 * @param known those of some keys that something speaks of. It is asked after they were listed, so it finds whatever was
 *   written before its file was
 */
export async function removeUnknown(
  artifacts: Artifacts,
  prefix: string,
  known: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<void> {
  let old: string[] = [];
  const remove = async () => {
    const needed = await known(old);
    await artifacts.remove(old.filter((key) => !needed.has(key)));
    old = [];
  };
  for await (const { key, age } of artifacts.list(prefix)) {
    if (age > abandonedAfter) old.push(key);
    if (old.length === removedAtOnce) await remove();
  }
  if (old.length > 0) await remove();
}
