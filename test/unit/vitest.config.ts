import { defineConfig } from 'vitest/config';
import everywhere from '../../vitest.config.ts';

/** What needs no other process, no server and no time: `npm run test:unit`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/unit/**/*.test.ts'] },
});
