import { createWriteStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Store } from '../store/store.ts';
import type { Example } from './example.ts';
import { formatStored } from './stored-example.ts';

/** Bytes that are written at once, about. */
const pieceLength = 2 ** 16;

/** Where the examples that an import brings lie among the artifacts. */
export function examplesKey(dataset: string, importing: string): string {
  return `datasets/${dataset}/${importing}.jsonl`;
}

/** The import that brought a file of examples. */
export function importOf(key: string): string {
  return path.posix.basename(key, '.jsonl');
}

/**
 * Whether a folder is one that imports store a dataset in: its row goes first where it is deleted. A server's own datasets
 * may lie beside those.
 */
export async function isStoredDataset(folder: string): Promise<boolean> {
  if (!/-[0-9a-f]{12}$/.test(path.basename(folder))) return false;
  const names = await readdir(folder);
  return names.every((name) => /^\.|^[0-9a-f-]{36}\.jsonl$/.test(name));
}

/**
 * Stores the examples of a dataset, one a line.
 * @throws TandemError of the storage
 * @example await keepExamples(store, examplesKey(record.id, importing), dataset.examples);
 */
export async function keepExamples(store: Store, key: string, examples: readonly Example[]): Promise<void> {
  const scratch = await store.makeScratch();
  try {
    const file = path.join(scratch, 'examples.jsonl');
    await pipeline(linesOf(examples), createWriteStream(file));
    await store.artifacts.take(key, file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Examples as they are kept, several lines at a time. */
function* linesOf(examples: readonly Example[]): Generator<string> {
  let piece = '';
  for (const example of examples) {
    piece += formatStored(example);
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
