import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** What needs no other process, no port and no time: `npm run test:unit`. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    name: 'unit',
    root: `${import.meta.dirname}/../..`,
    include: ['test/unit/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // Files share two processes, which load each module once: half of the time.
    isolate: false,
    setupFiles: [`${import.meta.dirname}/no-port.ts`],
  },
});
