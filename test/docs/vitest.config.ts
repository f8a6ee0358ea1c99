import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The documents: their commands against a real server, their links, their figures. `npm run test:docs` */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/docs/*.test.ts'],
    maxWorkers: 1,
    maxConcurrency: 2,
  },
});
