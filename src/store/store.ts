import path from 'node:path';
import type { Artifacts } from './artifacts/artifacts.ts';
import { openArtifacts } from './artifacts/open-artifacts.ts';
import type { Database } from './database/database.ts';
import { openDatabase } from './database/open-database.ts';
import { checkIdentity } from './identity.ts';
import { Scratch } from './scratch.ts';

export interface StoreOptions {
  /** Folder of all data of this machine. */
  data: string;
  /** `postgres://…`; without it the metadata lies in SQLite in the folder. */
  databaseUrl?: string;
  /** `s3://bucket/prefix`; without it the artifacts lie in the folder. */
  artifacts?: string;
}

/** All that lasts: metadata, and the files that it speaks of. */
export interface Store extends AsyncDisposable {
  readonly options: StoreOptions;
  readonly database: Database;
  readonly artifacts: Artifacts;
  /** Where they lie, in words, without passwords. */
  readonly places: { metadata: string; artifacts: string };
  /** A new folder for what becomes an artifact soon. The caller removes it. */
  makeScratch(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens what lasts; several processes may.
 * @throws TandemError `storage-unavailable`, `invalid-configuration`, `newer-store`, `damaged-artifact`
 * @example
 * await using store = await openStore({ data: 'data' });
 * const heads = new HeadRegistry(store, 'models/heads');
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const scratch = new Scratch(options.data);
  const artifacts = await openArtifacts(options.data, options.artifacts);
  const database = await openDatabase(options.data, options.databaseUrl);
  const places = {
    metadata: options.databaseUrl
      ? `Postgres (${new URL(options.databaseUrl).host})`
      : path.join(options.data, 'tandem.sqlite'),
    artifacts: options.artifacts ?? options.data,
  };
  try {
    await scratch.removeAbandoned();
    // A folder with both needs no proof that they belong together.
    if (options.databaseUrl ?? options.artifacts)
      await checkIdentity(database, artifacts, places.artifacts, () => scratch.makeFolder());
  } catch (error) {
    await database.close();
    throw error;
  }
  const close = async () => {
    await scratch.close();
    await database.close();
  };
  return {
    options,
    database,
    artifacts,
    places,
    makeScratch: () => scratch.makeFolder(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
