import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They need a container engine, a GPU, or Python, or long: `npm run test:container`, `test:cuda`, `test:clients`, `test:fuzz`,
    // `test:faults`, `test:attack`.
    exclude: [
      'test/container/**',
      'test/cuda/**',
      'test/clients/**',
      'test/fuzz/**',
      'test/faults/**',
      'test/attack/**',
    ],
    globalSetup: './test/sample-set.ts',
    reporters: ['default', './test/summary-reporter.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    // Every test file may hold ONNX Runtime sessions: processes keep them apart, and there are few cores to share.
    pool: 'forks',
    maxWorkers: 2,
  },
});
