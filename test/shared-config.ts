import type { ViteUserConfig } from 'vitest/config';

/** What every suite of tests has. */
export default {
  test: {
    reporters: ['default', `${import.meta.dirname}/summary-reporter.ts`],
    // A hang ends here, and nothing else does: what a busy machine makes ten times as slow passes all the same. Jobs, which
    // give way to everything else, are that slow beside another suite.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    expect: { poll: { timeout: 600_000 } },
    // Every test file may hold ONNX Runtime sessions: processes keep them apart, and there are few cores to share.
    pool: 'forks',
    maxWorkers: 2,
  },
} satisfies ViteUserConfig;
