import { constants, type Dirent } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite';
import { TandemError } from '../errors.ts';
import { syncToDisk, temporaryName } from './files/durable.ts';
import { makeFolders } from './files/make-folders.ts';
import { missing } from './files/missing.ts';

export interface BackupSize {
  files: number;
  bytes: number;
}

/** What no backup needs: locks, what was never acknowledged, and copies of what lies elsewhere. */
const passing = new Set(['lock', 'migration-lock', 'uploads', 'scratch', 'copies', 'hub']);
const isDatabase = (name: string) => name.endsWith('.sqlite');
/** SQLite's own files beside a database; its backup holds what is in them. */
const isOfDatabase = (name: string) => /\.sqlite-(wal|shm|journal)$/.test(name);
/** Below these every folder belongs to a row of the database, and goes away with it. */
const spokenOf = ['heads', 'datasets', 'jobs'];
const mostAttempts = 5;

/**
 * Copies a data folder while servers work with it. Databases come first, as SQLite itself copies them, and then the
 * files, which lasted before a database spoke of them. Where a head, a dataset or what came in for a job went away
 * meanwhile, all of it is done again.
 * @param target a folder that is not there yet; it gets its name when everything in it is on the disk
 * @throws TandemError `invalid-configuration` where the target is there or lies in the data folder, or nothing is in that one;
 *   `data-in-use` where folders went away during every attempt
 * @example await backUp('data', '/backups/2026-01-31');
 */
export async function backUp(data: string, target: string): Promise<BackupSize> {
  await check(data, target);
  const parent = path.dirname(path.resolve(target));
  await makeFolders(parent);
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const temporary = temporaryName(path.resolve(target));
    try {
      const before = await foldersIn(data);
      const size = { files: 0, bytes: 0 };
      await copy(data, temporary, size, ({ name }) => isDatabase(name));
      await copy(data, temporary, size, ({ name }) => !isDatabase(name) && !isOfDatabase(name));
      const after = new Set(await foldersIn(data));
      if (before.every((folder) => after.has(folder))) {
        await rename(temporary, target);
        await syncToDisk(parent);
        return size;
      }
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  throw new TandemError(
    'data-in-use',
    `heads, datasets or jobs went away during each of ${mostAttempts} attempts`,
  );
}

async function check(data: string, target: string): Promise<void> {
  const refuse = (detail: string) => new TandemError('invalid-configuration', detail);
  if (!(await readdir(data).catch(missing))?.length) throw refuse(`${data} holds nothing to back up`);
  if (await stat(target).catch(missing)) throw refuse(`${target} is there already; name a new folder`);
  if (!path.relative(data, target).startsWith('..'))
    throw refuse(`${target} lies in ${data} itself; name a folder elsewhere`);
}

/** Copies the files that are chosen, with their folders, each one forced to the disk. */
async function copy(
  from: string,
  to: string,
  size: BackupSize,
  isChosen: (entry: Dirent) => boolean,
): Promise<void> {
  await mkdir(to, { recursive: true });
  // What goes away in this moment is nothing that counts, or another attempt comes.
  for (const entry of await lasting(from)) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await copy(source, target, size, isChosen);
    else if (entry.isFile() && isChosen(entry)) {
      if (!(await copyOne(source, target).catch(missing))) continue;
      await syncToDisk(target);
      size.files++;
      size.bytes += (await stat(target)).size;
    }
  }
  await syncToDisk(to);
}

async function copyOne(source: string, target: string): Promise<true> {
  if (!isDatabase(source)) await copyFile(source, target, constants.COPYFILE_FICLONE);
  else {
    const database = new DatabaseSync(source, { readOnly: true, timeout: 10_000 });
    try {
      await copyDatabase(database, target);
    } finally {
      database.close();
    }
  }
  return true;
}

/** The folders that a row of the database may speak of, by their paths in the data folder. */
async function foldersIn(data: string): Promise<string[]> {
  const below = spokenOf.map(async (name) => {
    const entries = await readdir(path.join(data, name), { recursive: true, withFileTypes: true }).catch(
      missing,
    );
    return (entries ?? [])
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.relative(data, path.join(entry.parentPath, entry.name)));
  });
  return (await Promise.all(below)).flat();
}

/** What of a folder is worth keeping. */
async function lasting(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(missing);
  return (entries ?? []).filter(({ name }) => !name.startsWith('.') && !passing.has(name));
}
