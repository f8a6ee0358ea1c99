import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { withTimeLimit } from '../cancellation.ts';
import { TandemError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Artifacts } from './artifacts/artifacts.ts';
import type { Database } from './database/database.ts';
import { storageError } from './storage-error.ts';

/** Where the artifacts say which database they belong to. */
const identityKey = 'store.json';
const fact = 'artifacts';
/** Milliseconds that a start waits for artifacts to say whose they are. */
const patience = 5000;

const identitySchema = z.object({ id: z.string().min(1) });

/**
 * Makes sure that the artifacts are those that the database speaks of. The first to open both lets them know each other.
 * Where the artifacts cannot be reached now it is left to the next start: what is read of them is checked anyway.
 * @param place of the artifacts, in words
 * @param scratch a folder for the file that is written at first
 * @throws TandemError `invalid-configuration` where they are another database's, or nobody's
 */
export async function checkIdentity(
  database: Database,
  artifacts: Artifacts,
  place: string,
  scratch: () => Promise<string>,
): Promise<void> {
  const check = async () => {
    const expected = await readFact(database);
    const found = await readIdentity(artifacts, place);
    if (expected === undefined) return acquaint(database, artifacts, scratch);
    if (expected === found) return;
    const whose = found === undefined ? 'of no database' : 'of another database';
    throw new TandemError(
      'invalid-configuration',
      `the artifacts in ${place} are ${whose}: servers with one database need the same artifacts. Name those that the ` +
        `database was used with (--artifacts, or --data on one machine); where they were moved, bring ${identityKey} along`,
    );
  };
  const late = () => new TandemError('storage-unavailable', `${place} does not answer`);
  try {
    await withTimeLimit({ milliseconds: patience, late }, check);
  } catch (error) {
    if (!storageError(error)) throw error;
  }
}

/** The first to come decides; what the artifacts say counts where the database is the newer one. */
function acquaint(database: Database, artifacts: Artifacts, scratch: () => Promise<string>): Promise<void> {
  return database.exclusively('store', async (transaction) => {
    let id = await readIdentity(artifacts, 'the store');
    if (id === undefined) {
      id = randomUUID();
      const folder = await scratch();
      const file = path.join(folder, identityKey);
      await writeFile(file, `${JSON.stringify({ id })}\n`);
      await artifacts.take(identityKey, file);
      await rm(folder, { recursive: true });
    }
    await transaction
      .insertInto('storeFact')
      .values({ name: fact, value: id })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
}

async function readFact({ query }: Database): Promise<string | undefined> {
  const row = await query.selectFrom('storeFact').select('value').where('name', '=', fact).executeTakeFirst();
  return row?.value;
}

async function readIdentity(artifacts: Artifacts, place: string): Promise<string | undefined> {
  const bytes = await artifacts.read(identityKey);
  if (bytes === undefined) return undefined;
  return parseJson(identitySchema, Buffer.from(bytes).toString(), `${identityKey} in ${place}`).id;
}
