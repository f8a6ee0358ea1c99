import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ObjectStore, startObjectStore } from '../stores/object-store.ts';
import { type PostgresServer, startPostgres } from '../stores/postgres-server.ts';

/** Where a server keeps everything, for as long as a test takes. */
export interface Place {
  data: string;
  /** What names the rest of it on the command line. */
  flags: string[];
  /** What the database writes to when it commits. */
  journal: string;
  postgres?: PostgresServer;
  objects?: ObjectStore;
  remove(): Promise<void>;
}

/** @param store see `options.ts` */
export async function makePlace(store: string): Promise<Place> {
  const data = await mkdtemp(path.join(tmpdir(), 'faults-'));
  const removeData = () => rm(data, { recursive: true, force: true });
  if (store === 'embedded') return { ...embeddedIn(data), remove: removeData };
  if (store !== 'postgres') throw new Error(`FAULT_STORES: ${store} is neither embedded nor postgres`);
  const [postgres, objects] = await Promise.all([startPostgres(), startObjectStore()]);
  // The address itself may be another one: a proxy's.
  Object.assign(process.env, objects.environment);
  return {
    data,
    flags: ['--database-url', postgres.address, '--artifacts', objects.place],
    journal: postgres.journal,
    postgres,
    objects,
    async remove() {
      await Promise.all([postgres.stop(), objects.stop(), removeData()]);
    },
  };
}

/** What a place is that has everything in one folder. */
export function embeddedIn(data: string): Pick<Place, 'data' | 'flags' | 'journal'> {
  return { data, flags: [], journal: path.join(data, 'tandem.sqlite-wal') };
}
