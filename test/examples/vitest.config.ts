import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The commands of the examples' READMEs, against a real server. One needs Python: `npm run test:examples`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/examples/*.test.ts'] },
});
