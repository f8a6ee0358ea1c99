import { expect, it } from 'vitest';
import { identitiesOf } from '../../../../src/modalities/content.ts';
import { table } from '../../../../src/modalities/table/table.ts';
import { tableText, tableValues } from '../../../../src/modalities/table/values.ts';

it('has the same identity whatever the order of the columns and what is missing', () => {
  expect(table.identityOf({ b: 'x', a: 1, c: null })).toBe(table.identityOf({ a: 1, b: 'x' }));
  expect(table.identityOf({ a: 1 })).not.toBe(table.identityOf({ a: 2 }));
});

it('leaves the hashes of datasets without it as they were', () => {
  expect(identitiesOf({ text: 'a cat' })).toEqual([null, 'a cat']);
  expect(identitiesOf({ image: { path: '/a.png' } })).toEqual(['/a.png', null]);
  expect(identitiesOf({ table: { price: 3 } })).toEqual([null, null, '{"price":3}']);
});

it('reads the cells that are not empty, and nothing where all are', () => {
  const cells = new Map([
    ['price', '12'],
    ['brand', ''],
  ]);
  expect(table.fromCells(cells)).toEqual({ price: '12' });
  expect(table.fromCells(new Map([['price', '']]))).toBeUndefined();
});

it('is no near copy of another, however alike they are', () => {
  expect(table.likenessOf({ price: 3 })).toBeUndefined();
});

it.each([
  ['{', 'it is not JSON'],
  [`{"brand": "${'x'.repeat(65_536)}"}`, 'it has more than 65536 characters'],
  ['{"price": [1]}', 'it must be a number, a text of at most 100 characters, or null'],
])('is taken from a text that is JSON and short: %#', (text, message) => {
  expect(tableText.safeParse('{"price": 3}').data).toEqual({ price: 3 });
  expect(tableText.safeParse(text).error?.issues.map((issue) => issue.message)).toEqual([message]);
});

it.each([
  [{ price: 1, brand: 'Acme', size: null }, true],
  [{}, true],
  [{ price: true }, false],
  [{ price: [1] }, false],
  [{ brand: 'x'.repeat(101) }, false],
  [{ ['x'.repeat(201)]: 1 }, false],
  [Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`c${index}`, 1])), false],
  [[1, 2], false],
  ['12', false],
])('is taken from a request within its bounds: %#', (values, isTaken) => {
  expect(tableValues.safeParse(values).success).toBe(isTaken);
});
