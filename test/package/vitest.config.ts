import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The package, installed and used as a stranger would: `npm run test:package`. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/package/*.test.ts'],
  },
});
