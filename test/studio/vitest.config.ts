import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The page at `/` in a browser, on the real server: `npm run test:studio`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/studio/*.test.ts'], globalSetup: ['test/sample-set.ts'] },
});
