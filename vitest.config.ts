import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They need a container engine, a GPU, Python, npm's registry, or long; each has an npm script of its own.
    exclude: [
      ...[
        'attack',
        'clients',
        'container',
        'cuda',
        'docs',
        'examples',
        'faults',
        'fuzz',
        'package',
        'repository',
      ],
    ].map((folder) => `test/${folder}/**`),
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
