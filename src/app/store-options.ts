import path from 'node:path';
import type { encoderSettings, Settings, storeSettings } from '../config.ts';
import type { StoreOptions } from '../store/store.ts';

type StoreSettings = Settings<(typeof storeSettings)[number]>;

/**
 * What `openStore` needs of the settings.
 * @example await using store = await openStore(storeOptions(chosen));
 */
export function storeOptions({ data, 'database-url': databaseUrl, artifacts }: StoreSettings): StoreOptions {
  return {
    data,
    ...(databaseUrl !== 'sqlite' && { databaseUrl }),
    ...(artifacts !== 'folder' && { artifacts }),
  };
}

/** Where the heads lie that ship with the program. */
export function shippedHeads({ models }: Settings<(typeof encoderSettings)[number]>): string {
  return path.join(models, 'heads');
}
