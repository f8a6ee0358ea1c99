import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { missing } from './missing.ts';

/** Waits until a file's content, or a folder's list of names, is on the disk. */
export async function syncToDisk(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, each of them on the disk. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  const top = path.dirname(first);
  for (let made = folder; made !== top; made = path.dirname(made)) await syncToDisk(path.dirname(made));
}

/**
 * Writes a file so that after a crash there is the old one or the new one, whole: under another name, forced to the
 * disk, renamed.
 * @example await writeDurably('state/epoch', bytes);
 */
export async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryName(file);
  try {
    await writeFile(temporary, bytes, { flush: true });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncToDisk(path.dirname(file));
}

/** Copies a file so that its name stands for the whole content or for nothing. */
export async function copyDurably(from: string, to: string): Promise<void> {
  const temporary = temporaryName(to);
  try {
    await copyFile(from, temporary);
    await syncToDisk(temporary);
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Milliseconds after which nobody can be at work any more on what was last changed then. */
export const abandonedAfter = 24 * 3_600_000;

/** Removes what a crash left half written in a folder: the names that begin with a dot and have not changed for a day. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = (await readdir(folder).catch(missing)) ?? [];
  for (const name of names.filter((name) => name.startsWith('.'))) {
    // Another process may be done with it just now.
    const found = await stat(path.join(folder, name)).catch(missing);
    if (found && Date.now() - found.mtimeMs > abandonedAfter)
      await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

let count = 0;

/** A name beside a target for what is not whole yet; it begins with a dot. */
export function temporaryName(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.${Date.now()}.${count++}`);
}
