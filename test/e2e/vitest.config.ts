import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** Whole servers and commands, as people meet them: `npm run test:e2e`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/e2e/*.test.ts'], globalSetup: ['test/sample-set.ts'] },
});
