import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/** The part of `npm test` that starts processes, opens ports or takes seconds. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    name: 'integration',
    root: `${import.meta.dirname}/../..`,
    include: ['test/integration/**/*.test.ts'],
  },
});
