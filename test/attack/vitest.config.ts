import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** Small requests that are meant to stop the server, over every route: `npm run test:attack`. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/attack/*.test.ts'],
    maxWorkers: 1,
  },
});
