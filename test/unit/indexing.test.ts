import { expect, it } from 'vitest';
import { itemAt, required, valueFor } from '../../src/indexing.ts';

it('gives the item at an index, counted from the end where it is negative', () => {
  expect(itemAt(['a', 'b', 'c'], 1)).toBe('b');
  expect(itemAt(['a', 'b', 'c'], -1)).toBe('c');
  expect(itemAt(Float32Array.of(0, 0.5), 0)).toBe(0);
});

it.each([2, -3, 0.5, Number.NaN])('names the index %s where there is no such item', (index) => {
  expect(() => itemAt(['a', 'b'], index)).toThrow(new RangeError(`no item at index ${index} of 2`));
});

it('gives the value of a key, and names a key that is missing', () => {
  const counts = new Map([['cat', 0]]);
  expect(valueFor(counts, 'cat')).toBe(0);
  expect(() => valueFor(counts, 'dog')).toThrow(new RangeError('no value for the key dog'));
});

it('gives what is there, and says what is missing', () => {
  expect(required('', 'the name')).toBe('');
  expect(() => required(undefined, 'the name')).toThrow('the name is missing');
  expect(() => required(null, 'the name')).toThrow('the name is missing');
});
