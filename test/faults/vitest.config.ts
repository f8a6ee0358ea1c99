import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** What breaks, broken on purpose: `npm run test:faults`; `options.ts` says what the environment may choose. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/faults/*.test.ts'],
    testTimeout: 7_200_000,
    maxWorkers: 1,
    // Servers start often: Node keeps what it made of their source, which takes a third off.
    env: { NODE_COMPILE_CACHE: path.join(tmpdir(), 'faults-compile-cache') },
  },
});
