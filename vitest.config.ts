import { defineConfig } from 'vitest/config';
import everywhere from './test/shared-config.ts';

/** `npm test`. What starts servers, or needs a container engine, a GPU, Python or a registry, has an npm script of its own. */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    projects: ['test/unit/vitest.config.ts', 'test/integration/vitest.config.ts'],
  },
});
