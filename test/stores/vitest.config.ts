import { defineConfig } from 'vitest/config';
import everywhere from '../../vitest.config.ts';

/**
 * All that keeps something once more, on Postgres and an object store instead of files: `npm run test:stores`. Rooms that
 * know of no store (the graph, the method, the engines) would only do the same again.
 */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: [
      ...['store', 'jobs', 'heads', 'datasets', 'protocols', 'encoders', 'modalities'].map(
        (room) => `test/{unit,integration}/${room}/**/*.test.ts`,
      ),
      'test/e2e/**/*.test.ts',
    ],
    // The command copies a data folder that holds everything.
    exclude: ['test/**/backup.test.ts'],
    globalSetup: ['test/sample-set.ts', 'test/stores/global-setup.ts'],
  },
});
