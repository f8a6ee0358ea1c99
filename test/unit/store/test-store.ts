import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore, type Store, type StoreOptions } from '../../../src/store/store.ts';

/**
 * Where a test's store lies: in its data folder, or where `npm run test:stores` has started a Postgres and an S3 server, in a
 * schema and below a prefix of its own.
 */
export function storeAt(data: string): StoreOptions {
  const { TEST_DATABASE_URL, TEST_ARTIFACTS } = process.env;
  const own = createHash('sha256').update(path.resolve(data)).digest('hex').slice(0, 16);
  return {
    data,
    ...(TEST_DATABASE_URL && { databaseUrl: `${TEST_DATABASE_URL}?schema=t${own}` }),
    ...(TEST_ARTIFACTS && { artifacts: `${TEST_ARTIFACTS}/${own}` }),
  };
}

/** The same, as the environment of a process that is given the data folder. */
export function storeEnvironment(data: string): Record<string, string> {
  const { databaseUrl, artifacts } = storeAt(data);
  return {
    ...(databaseUrl && { TANDEM_DATABASE_URL: databaseUrl }),
    ...(artifacts && { TANDEM_ARTIFACTS: artifacts }),
  };
}

/** A store for one test; another one on the same data sees it as another process would. */
export async function temporaryStore(data?: string): Promise<Store> {
  const folder = data ?? (await mkdtemp(path.join(tmpdir(), 'store-')));
  const store = await openStore(storeAt(folder));
  onTestFinished(async () => {
    await store.close();
    if (data === undefined) await rm(folder, { recursive: true });
  });
  return store;
}
