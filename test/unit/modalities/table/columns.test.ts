import { expect, it } from 'vitest';
import { settleColumns } from '../../../../src/modalities/table/columns.ts';

const column = (values: readonly (string | number)[]) =>
  settleColumns(
    values.map((value) => ({ it: value })),
    ['it'],
  );
const problemOf = (values: readonly (string | number)[]) => column(values).problems[0]?.problem;

it('takes a column for numbers where every value is one, however it is written', () => {
  const { references, problems } = settleColumns(
    [{ price: '12.50', brand: 'Acme' }, { price: '-3e2' }, { price: 7 }],
    ['price', 'brand'],
  );
  expect(problems).toEqual([]);
  expect(references).toEqual([{ price: 12.5, brand: 'Acme' }, { price: -300 }, { price: 7 }]);
});

it('takes a column for categories where some values are no numbers', () => {
  expect(column([38, '40', 'M', 'L']).references.map(({ it }) => it)).toEqual(['38', '40', 'M', 'L']);
});

it.each([
  [['2024-01-31', '2024-02-01', '2023-12-24T08:30:00Z'], /^it holds dates.*the month/],
  [['31.01.2024', '1.2.2024'], /^it holds dates/],
  [['12,50', '3,99', '7,00'], /decimal comma; write a point/],
  [
    Array.from({ length: 40 }, (_, row) => `a red bicycle with scratches, number ${row}`),
    /^it holds free text: 40 different values in 40 rows.*--text-column/,
  ],
  [Array.from({ length: 60 }, (_, row) => `id${row}`), /^it holds free text: 60 different values/],
  [['x'.repeat(101), 'y', 'y', 'y'], /a category has 100 characters at most/],
  [
    [...Array.from({ length: 19 }, (_, row) => row), 'n/a'],
    /^1 of its 20 values are not numbers, such as "n\/a"/,
  ],
  [[1, '2e15'], /larger than 1e15/],
])('refuses what is neither numbers nor categories, with a hint: %#', (values, problem) => {
  expect(problemOf(values)).toMatch(problem);
});

it('refuses a column that is empty in every row', () => {
  expect(settleColumns([{ price: 1 }], ['price', 'brand']).problems).toEqual([
    { at: 'column "brand"', problem: 'it has no value in any row; leave it out' },
  ]);
});

it('accepts categories that repeat, and a few that do not', () => {
  expect(problemOf(Array.from({ length: 300 }, (_, row) => `brand ${row % 60}`))).toBeUndefined();
  expect(problemOf(['red', 'blue', 'green'])).toBeUndefined();
});
