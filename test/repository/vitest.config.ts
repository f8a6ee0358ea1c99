import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** What surrounds the code: npm's scripts, the pre-commit hook, a release, the forms in .github: `npm run test:repository`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/repository/*.test.ts'] },
});
