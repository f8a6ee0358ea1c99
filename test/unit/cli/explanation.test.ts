import { afterEach, expect, it, vi } from 'vitest';
import { printExplanation } from '../../../src/cli/explanation.ts';
import type { Explanation } from '../../../src/heads/explanation.ts';

afterEach(() => vi.unstubAllEnvs());

const explanation: Explanation = {
  label: 'pets',
  answer: 0.75,
  modalities: {
    text: {
      alone: 0.5,
      weight: 0.25,
      effect: -0.125,
      parts: [
        { text: 'a', start: 0, end: 1, effect: 0 },
        { text: 'red\u001b[31m', start: 2, end: 10, effect: -0.5 },
        { text: 'cat', start: 11, end: 14, effect: 0.25 },
      ],
    },
  },
  nearest: [
    { row: 17, truth: { classes: ['pets', 'red'] }, similarity: 0.914, dataset: 'pets-0123' },
    { row: 3, truth: { classes: [] }, similarity: 0.5 },
  ],
  cost: { encodes: 3, milliseconds: 41.7 },
};

function shown(of: Explanation): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  printExplanation(of);
  const text = write.mock.calls.map(([line]) => line).join('');
  write.mockRestore();
  return text;
}

it('lists what moves the answer most first, and escapes what a text brings', () => {
  const lines = shown(explanation)
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '));
  expect(lines).toEqual([
    '',
    'what pets, 75.0 %, rests on:',
    'text: alone 50.0 %, weight 0.25, effect -12.5',
    ` red\\u001b[31m -50.0 ${'█'.repeat(24)}`,
    ` cat +25.0 ${'█'.repeat(12)}`,
    ' a 0.0',
    'nearest training examples:',
    ' 0.91 pets, red (row 17 of pets-0123)',
    ' 0.50 no label (row 3)',
    '3 items encoded for it in 42 ms',
    '',
  ]);
});

it('colours bars where colours are asked for, and not where NO_COLOR is set', () => {
  vi.stubEnv('NO_COLOR', undefined);
  vi.stubEnv('FORCE_COLOR', '1');
  expect(shown(explanation)).toContain('\u001b[31m█');
  vi.stubEnv('FORCE_COLOR', undefined);
  vi.stubEnv('NO_COLOR', '1');
  expect(shown(explanation)).not.toContain('\u001b');
});

it('says numbers as numbers', () => {
  const { label: _, ...number } = explanation;
  const parts = [{ column: 'price', value: 12, effect: 3.5 }];
  const text = shown({
    ...number,
    nearest: [],
    answer: 180.5,
    modalities: { table: { alone: 180.5, parts } },
  });
  expect(text).toContain('the head keeps no training examples to compare with');
  expect(text).toMatch(/^what 180\.5, rests on:\ntable: alone 180\.5\n {2}price 12 +\+3\.5 █{24}$/m);
});
