import { defineConfig } from 'vitest/config';
import everywhere from '../../vitest.config.ts';

/** The whole suite once more, on Postgres and an object store instead of files: `npm run test:stores`. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    // The command copies a data folder that holds everything.
    exclude: [...everywhere.test!.exclude!, 'test/**/backup.test.ts'],
    globalSetup: ['test/sample-set.ts', 'test/stores/global-setup.ts'],
  },
});
