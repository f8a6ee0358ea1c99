import { defineConfig } from 'vitest/config';
import everywhere from '../shared-config.ts';

/**
 * What only a CUDA device shows: `npm run test:cuda`. `TEST_PROVIDER=cpu npm run test:cuda` tries the tests themselves
 * on the CPU.
 */
export default defineConfig({
  ...everywhere,
  test: {
    ...everywhere.test,
    include: ['test/cuda/*.test.ts'],
    // Without it CUDA rounds the factors of matrix products to 10 bits, and agrees to some 1e-3 only.
    env: { NVIDIA_TF32_OVERRIDE: '0' },
  },
});
