import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** Bad input without end, 50,000 of it unless FUZZ_INPUTS says otherwise, other input with another FUZZ_SEED: `npm run test:fuzz`. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/fuzz/*.test.ts'],
    testTimeout: 3_600_000,
    maxWorkers: 1,
  },
});
