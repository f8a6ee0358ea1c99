import { describe, expect, it } from 'vitest';
import { openTable } from '../../../../src/modalities/table/encode.ts';
import {
  fitTable,
  tableDimension,
  tableSpecification,
} from '../../../../src/modalities/table/specification.ts';
import type { TableValues } from '../../../../src/modalities/table/values.ts';
import { Random } from '../../../../src/random.ts';

const every = (rows: readonly unknown[]) => [...rows.keys()];
const fitAll = (rows: readonly TableValues[]) => fitTable(rows, every(rows));

describe('fitting', () => {
  it('standardises numbers by the training rows alone', () => {
    const { columns } = fitTable([{ price: 10 }, { price: 30 }, { price: 1000 }], [0, 1]);
    expect(columns).toEqual([{ name: 'price', kind: 'number', mean: 20, deviation: 10 }]);
  });

  it('gives a place to categories that the training rows have twice or more', () => {
    const rows = ['b', 'a', 'b', 'a', 'rare', 'c', 'c'].map((brand) => ({ brand }));
    const { columns } = fitTable(rows, [0, 1, 2, 3, 4]);
    expect(columns).toEqual([{ name: 'brand', kind: 'category', categories: ['a', 'b'] }]);
  });

  it('keeps 256 categories, the most frequent ones', () => {
    const rows = Array.from({ length: 1200 }, (_, row) => ({
      brand: `b${row % 300 < 256 ? row % 256 : row % 300}`,
    }));
    const [column] = fitAll(rows).columns;
    expect(column).toMatchObject({ kind: 'category', categories: { length: 256 } });
  });

  it('knows a column that no training row has, and takes no number from the others', () => {
    const rows: TableValues[] = [{ price: 5 }, { price: 6, age: 3 }];
    const { columns } = fitTable(rows, [0]);
    expect(columns).toMatchObject([
      { name: 'age', kind: 'number', mean: 0, deviation: 0 },
      { name: 'price', mean: 5, deviation: 0 },
    ]);
  });

  it('is the same whatever the order of the columns', () => {
    expect(fitAll([{ a: 1, b: 'x' }])).toEqual(fitAll([{ b: 'x', a: 1 }]));
  });
});

describe('features', () => {
  it('are a standardised number and whether it is missing, or one category of several', () => {
    const specification = fitAll([
      { price: 10, brand: 'a' },
      { price: 30, brand: 'a' },
    ]);
    const { encode } = openTable(specification);
    expect(tableDimension(specification)).toBe(4);
    // In order of the columns' names: brand's category, the unknown one; price, whether it is missing.
    expect([...encode({ price: 30, brand: 'a' })]).toEqual([1, 0, 1, 0]);
    expect([...encode({ price: '10', brand: 'new' })]).toEqual([0, 1, -1, 0]);
    expect([...encode({ brand: null, price: '' })]).toEqual([0, 0, 0, 1]);
    expect([...encode({})]).toEqual([0, 0, 0, 1]);
  });

  it('are finite and bounded, whatever the numbers and whatever is missing', () => {
    const random = new Random(1, 'table property');
    const number = () => (random.nextFloat() - 0.5) * 10 ** (random.nextInteger(31) - 15);
    const cell = (isNumber: boolean) => {
      if (random.nextFloat() < 0.2) return null;
      return isNumber ? number() : `c${random.nextInteger(5)}`;
    };
    for (let round = 0; round < 300; round++) {
      const kinds = Array.from({ length: 1 + random.nextInteger(5) }, () => random.nextFloat() < 0.5);
      const isConstant = random.nextFloat() < 0.2;
      const constant = number();
      const rows = Array.from({ length: 1 + random.nextInteger(20) }, () =>
        Object.fromEntries(kinds.map((kind, place) => [`k${place}`, isConstant ? constant : cell(kind)])),
      );
      if (rows.every((row) => Object.values(row).every((value) => value === null))) continue;
      const training = every(rows).filter(() => random.nextFloat() < 0.7);
      const specification = fitTable(rows, training);
      expect(tableSpecification.parse(JSON.parse(JSON.stringify(specification)))).toEqual(specification);
      const { encode } = openTable(specification);
      for (const row of rows) {
        const features = encode(row);
        expect(features).toHaveLength(tableDimension(specification));
        expect(features.every((value) => Math.abs(value) <= 10)).toBe(true);
      }
    }
  });

  it('of a number far from all that was learnt count as ten deviations', () => {
    const { encode } = openTable(fitAll([{ price: 10 }, { price: 30 }]));
    expect(encode({ price: 1e308 })[0]).toBe(10);
    expect(encode({ price: -1e308 })[0]).toBe(-10);
  });

  it.each([
    [{ prise: 3 }, 'table.prise: there is no such column; the head was trained on "brand", "price"'],
    [{ price: 'cheap' }, 'table.price: the text "cheap" is there, and a number was trained'],
    [{ price: Number.NaN }, 'table.price: NaN is there, and a number was trained'],
    [{ price: Number.POSITIVE_INFINITY }, 'table.price: Infinity is there'],
    [{ constructor: 3 }, 'table.constructor: there is no such column'],
    [{ brand: 'x'.repeat(101) }, 'table.brand: it has 101 characters, 100 are the limit'],
    [{ brand: true as unknown as string }, 'table.brand: true is there, and a category was trained'],
  ])('are refused naming the column: %#', (values: TableValues, message) => {
    const { encode } = openTable(fitAll([{ price: 10, brand: 'a' }]));
    expect(() => encode(values)).toThrow(expect.objectContaining({ code: 'invalid-table' }));
    expect(() => encode(values)).toThrow(message);
  });
});

describe('a specification', () => {
  const number = { name: 'price', kind: 'number', mean: 1, deviation: 2 };
  it.each([
    [{ columns: [] }],
    [{ columns: [number, number] }],
    [{ columns: [{ ...number, deviation: -1 }] }],
    [{ columns: [{ ...number, mean: Number.POSITIVE_INFINITY }] }],
    [{ columns: [{ ...number, more: 1 }] }],
    [{ columns: Array.from({ length: 33 }, (_, index) => ({ ...number, name: `c${index}` })) }],
    [{ columns: [{ name: 'brand', kind: 'category', categories: ['a', 'a'] }] }],
    [{ columns: [{ name: 'brand', kind: 'category', categories: ['x'.repeat(101)] }] }],
    [{ columns: [{ name: 'brand', kind: 'category', categories: Array.from({ length: 257 }, String) }] }],
  ])('out of bounds is refused: %#', (specification) => {
    expect(tableSpecification.safeParse(specification).success).toBe(false);
  });
});
