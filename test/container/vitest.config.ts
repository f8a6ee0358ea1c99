import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The image, tried as a user would: `npm run container && npm run test:container`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/container/*.test.ts'], globalSetup: ['test/sample-set.ts'] },
});
