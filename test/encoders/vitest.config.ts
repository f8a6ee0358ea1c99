import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** Real models against Python. It downloads 1.5 GB of Python packages once: `npm run test:encoders`. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/encoders/*.test.ts'],
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 3_600_000,
  },
});
