import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FolderArtifacts } from '../../../src/store/artifacts/folder-artifacts.ts';
import { checkIdentity } from '../../../src/store/identity.ts';
import { temporaryStore } from './test-store.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'identity-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Two databases and two places for artifacts, none of which has met another. */
async function strangers() {
  const places = [await temporaryFolder(), await temporaryFolder()];
  const stores = [await temporaryStore(), await temporaryStore()];
  // Where all tests keep everything elsewhere, opening has introduced it already.
  for (const { database } of stores) await database.query.deleteFrom('storeFact').execute();
  return {
    places,
    /** Opens a database with artifacts. */
    open: (database: number, place: number) =>
      checkIdentity(
        stores[database].database,
        new FolderArtifacts(places[place]),
        places[place],
        temporaryFolder,
      ),
  };
}

it('takes the artifacts that a database was first used with, however often', async () => {
  const { open } = await strangers();
  await open(0, 0);
  await open(0, 0);
});

it('refuses artifacts in another place, and artifacts of another database', async () => {
  const { open, places } = await strangers();
  await open(0, 0);
  await expect(open(0, 1)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringContaining(`the artifacts in ${places[1]} are of no database`),
  });
  await open(1, 1);
  await expect(open(0, 1)).rejects.toThrow('are of another database');
});

it('takes the artifacts of a database that was lost for those of a new one', async () => {
  const { open } = await strangers();
  await open(0, 0);
  await open(1, 0);
});

it('lets several meet for the first time at once', async () => {
  const { open } = await strangers();
  await Promise.all([open(0, 0), open(0, 0), open(0, 0)]);
  await open(0, 0);
});
