import { expect, it } from 'vitest';
import { batchShapes } from '../../../src/modalities/batch-shapes.ts';

const { cpu, cuda } = batchShapes;

it('leaves a CPU’s batches as they are', () => {
  expect(cpu.rows(5)).toBe(5);
  expect(cpu.tokens(37, 128)).toBe(37);
  expect(cpu.budget(1000, 3)).toBe(1000);
});

it('pads a GPU’s batches to powers of two of at least eight, and texts at least to 16 tokens and at most to the encoder’s length', () => {
  expect([1, 2, 3, 5, 64, 65].map(cuda.rows)).toEqual([8, 8, 8, 8, 64, 128]);
  expect([2, 16, 17, 100, 128].map((longest) => cuda.tokens(longest, 128))).toEqual([16, 16, 32, 128, 128]);
  expect(cuda.tokens(70, 100)).toBe(100);
});

it('meets few shapes, and never exceeds the budget by padding', () => {
  const asked = 20_000;
  const budget = cuda.budget(asked, 1);
  expect(budget).toBe(16_384);
  const shapes = new Set<string>();
  for (let longest = 2; longest <= 128; longest++) {
    const tokens = cuda.tokens(longest, 128);
    for (let items = 1; items * tokens <= budget; items++) {
      shapes.add(`${cuda.rows(items)} ${tokens}`);
      expect(cuda.rows(items) * tokens).toBeLessThanOrEqual(asked);
    }
  }
  expect(shapes.size).toBe(26);
  expect(cuda.budget(100 * 224 ** 2, 224 ** 2)).toBe(64 * 224 ** 2);
  expect(cuda.budget(1, 224 ** 2)).toBe(8 * 224 ** 2);
});
