import type { ViteUserConfig } from 'vitest/config';

/** What every suite of tests has. */
export default {
  test: {
    reporters: ['default', `${import.meta.dirname}/summary-reporter.ts`],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    // Every test file may hold ONNX Runtime sessions: processes keep them apart, and there are few cores to share.
    pool: 'forks',
    maxWorkers: 2,
  },
} satisfies ViteUserConfig;
