import { startObjectStore } from './object-store.ts';
import { startPostgres } from './postgres-server.ts';

/** Starts a Postgres and an object store for all tests, which find them in their environment (`test/unit/store/test-store.ts`). */
export default async function setup(): Promise<() => Promise<void>> {
  const [postgres, objects] = await Promise.all([startPostgres(), startObjectStore()]);
  Object.assign(process.env, objects.environment, {
    TEST_DATABASE_URL: postgres.address,
    TEST_ARTIFACTS: objects.place,
  });
  return async () => {
    await Promise.all([postgres.stop(), objects.stop()]);
  };
}
