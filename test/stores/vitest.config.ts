import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/**
 * What the database and the artifacts decide, once more on Postgres and an object store instead of files: `npm run
 * test:stores`. A file belongs here where another store may answer otherwise, and no other file here would show it.
 */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: [
      ...['artifacts', 'idempotent-requests', 'identity', 'remembered', 'scratch'].map(
        (file) => `test/unit/store/${file}.test.ts`,
      ),
      ...['app/cleaning', 'app/deleted-heads', 'datasets/catalogue', 'datasets/stored-example'].map(
        (file) => `test/unit/${file}.test.ts`,
      ),
      'test/unit/heads/registry/heads.test.ts',
      'test/unit/jobs/*.test.ts',
      'test/unit/protocols/pipeline/{access,idempotency}.test.ts',
      'test/integration/datasets/{import/import-processes,read/export-identity}.test.ts',
      'test/integration/jobs/{dataset-use,deleted-version,disk-without-room,dispatcher,taken-over}.test.ts',
      'test/integration/store/database.test.ts',
      // Whole servers and commands: datasets, jobs over kills and stops, heads that are made, moved and damaged.
      'test/e2e/{crash-loop,damaged-heads,datasets,moved-heads,server}.test.ts',
    ],
    globalSetup: ['test/sample-set.ts', 'test/stores/global-setup.ts'],
  },
});
