import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/**
 * All that keeps something once more, on Postgres and an object store instead of files: `npm run test:stores`. What
 * knows of no store (the graph, the method, the engines, the protocols) would only do the same again.
 */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: [
      ...['store', 'jobs', 'app', 'heads/registry', 'datasets/import'].map(
        (room) => `test/{unit,integration}/${room}/**/*.test.ts`,
      ),
      ...[
        'heads/package',
        'datasets/catalogue',
        'datasets/read/export-identity',
        'protocols/pipeline/access',
      ].map((file) => `test/{unit,integration}/${file}.test.ts`),
      'test/e2e/**/*.test.ts',
    ],
    exclude: [
      // The command copies a data folder that holds everything.
      'test/**/backup.test.ts',
      // They keep nothing, or nothing that the others don't.
      'test/e2e/{bad-input,cli-output,hardly-enough,hostile-images,hostile-texts,load,monitoring}.test.ts',
      'test/e2e/{comparing,hostile-heads,out-of-memory,sample-set,start,targets,terminal,tracing}.test.ts',
    ],
    globalSetup: ['test/sample-set.ts', 'test/stores/global-setup.ts'],
  },
});
