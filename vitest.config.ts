import { defineConfig } from 'vitest/config';

/** `npm test`. What starts servers, or needs a container engine, a GPU, Python or a registry, has an npm script of its own. */
export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts', 'test/integration/**/*.test.ts'],
    reporters: ['default', `${import.meta.dirname}/test/summary-reporter.ts`],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    // Every test file may hold ONNX Runtime sessions: processes keep them apart, and there are few cores to share.
    pool: 'forks',
    maxWorkers: 2,
  },
});
