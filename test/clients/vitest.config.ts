import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The server as clients in Python see it, which are installed on first use: `npm run test:clients`. */
export default defineConfig({
  ...everywhere,
  test: { ...everywhere.test, include: ['test/clients/*.test.ts'] },
});
