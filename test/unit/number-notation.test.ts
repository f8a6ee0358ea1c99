import { expect, it } from 'vitest';
import { NotationTallies, writePlain } from '../../src/number-notation.ts';

function found(columns: Record<string, unknown[]>) {
  const tallies = new NotationTallies();
  const rows = Math.max(...Object.values(columns).map(({ length }) => length));
  for (let row = 0; row < rows; row++)
    tallies.add(new Map(Object.entries(columns).map(([name, cells]) => [name, cells[row]])));
  return Object.fromEntries(tallies.found());
}

it.each([
  [['12', '-0.5', '3e4', ''], 'plain'],
  [['12', '1.234,56', '1.234'], 'comma'],
  [['3,5', '+12,75', '950'], 'comma'],
  [['1 234,5', '1\u202f234\u202f567'], 'comma'],
  [['1,234.56', '950', '1,234'], 'groups'],
  [['1,234,567'], 'groups'],
  [["1'234.50", '12.5'], 'groups'],
  [['1 234', '950'], 'groups'],
  [['1,234', '950'], { ambiguous: '1,234' }],
  [['12,5', '12.5'], undefined],
  [['1.23,5'], undefined],
  [['1.234 567,5'], undefined],
  [['12,5', 'n/a'], undefined],
  [['12,5', 7, null, undefined], 'comma'],
])('finds out how a column writes its numbers: %j is %j', (cells, notation) => {
  expect(found({ price: cells })).toEqual({ price: notation });
});

it('takes no thousands for thousandths where another column has a decimal comma', () => {
  expect(found({ price: ['1.234', '950'] })).toEqual({ price: 'plain' });
  expect(found({ price: ['1.234', '950'], weight: ['2,5', '3'] })).toEqual({
    price: { ambiguous: '1.234' },
    weight: 'comma',
  });
  expect(found({ price: ['1.23', '9.5'], weight: ['2,5', '3'] })).toEqual({
    price: 'plain',
    weight: 'comma',
  });
});

it.each([
  ['-1.234.567,89', 'comma', '-1234567.89'],
  ['1\u00a0234,5', 'comma', '1234.5'],
  ['1,234.5', 'groups', '1234.5'],
  ['12.5', 'plain', '12.5'],
] as const)('writes %s as JSON does', (text, notation, plain) => {
  expect(writePlain(text, notation)).toBe(plain);
});
