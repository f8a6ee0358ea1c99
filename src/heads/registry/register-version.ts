import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Insertable, Transaction } from 'kysely';
import { leaveToCleaning } from '../../store/artifacts/artifacts.ts';
import type { PendingArtifacts } from '../../store/artifacts/pending.ts';
import type { Database, Tables } from '../../store/database/database.ts';
import { sha256OfFile } from '../../store/files/checksum.ts';
import type { Store } from '../../store/store.ts';
import { manifestFile } from './shipped-heads.ts';

/** The job that makes a version. No job makes two. */
export interface MakingJob {
  id: string;
  /**
   * Called in the transaction that registers the version.
   * @throws where it is another server's by now, so that nothing is registered
   */
  confirm(transaction: Transaction<Tables>): Promise<void>;
}

export interface RegisterOptions {
  /** `trained` where the files were made here, by this product; imported where absent. */
  origin?: 'trained' | 'imported';
  /** What makes it. */
  job?: MakingJob;
}

interface RegistrationPlace {
  store: Store;
  pending: PendingArtifacts;
  /** The highest version of the head that ships with the program; 0 where none does. */
  highestShipped: number;
}

/**
 * Stores the files of a head's next version, then its row: see `HeadRegistry.register`.
 * @returns the version's number
 * @throws whatever `write` and the job throw
 * @example const version = await registerVersion({ store, pending, highestShipped: 0 }, 'pets', write);
 */
export async function registerVersion(
  { store, pending, highestShipped }: RegistrationPlace,
  name: string,
  write: (folder: string, version: number) => Promise<void>,
  { origin = 'imported', job }: RegisterOptions = {},
): Promise<number> {
  const { artifacts, database } = store;
  while (true) {
    const version = 1 + Math.max(await highestGiven(database, name), highestShipped);
    const scratch = await store.makeScratch();
    try {
      await write(scratch, version);
      const manifest = await readFile(path.join(scratch, manifestFile), 'utf8');
      const key = `heads/${name}/${version}-${randomBytes(4).toString('hex')}`;
      const names = (await readdir(scratch)).sort();
      const files: Record<string, string> = {};
      for (const file of names) files[file] = await sha256OfFile(path.join(scratch, file));
      await pending.begin(key);
      for (const file of names) await artifacts.take(`${key}/${file}`, path.join(scratch, file));
      const row = {
        ...{ name, version, manifest, origin },
        folder: key,
        files: JSON.stringify(files),
        job: job?.id ?? null,
        createdAt: new Date().toISOString(),
      };
      const isRegistered = await database.exclusively('heads', async (transaction) => {
        await job?.confirm(transaction);
        return (await pending.finish(transaction, key)) && (await insertUnlessTaken(transaction, row));
      });
      if (isRegistered) return version;
      await leaveToCleaning(artifacts.remove(names.map((file) => `${key}/${file}`)));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

/** The highest number that was ever given to a version, a deleted one included. */
async function highestGiven({ query }: Database, name: string): Promise<number> {
  const { highest } = await query
    .selectFrom('headVersion')
    .select(({ fn }) => fn.max('version').as('highest'))
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return highest ?? 0;
}

/** @returns false where the number is taken */
async function insertUnlessTaken(
  transaction: Transaction<Tables>,
  row: Insertable<Tables['headVersion']>,
): Promise<boolean> {
  const taken = await transaction
    .selectFrom('headVersion')
    .select('version')
    .where('name', '=', row.name)
    .where('version', '=', row.version)
    .executeTakeFirst();
  if (taken) return false;
  await transaction.insertInto('headVersion').values(row).execute();
  return true;
}
