import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JsonStructure } from '../../../../src/protocols/http/json-structure.ts';

const limits = { values: 5, members: 3, depth: 2 };
const add = (text: string, size = text.length || 1) => {
  const structure = new JsonStructure(limits);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) structure.add(bytes.subarray(at, at + size));
};

it.each([
  '[1,2,3,4,5]',
  '{"a":1,"b":2,"c":3}',
  '[[1],[2]]',
  '"[[[,,,,,,:::::"',
  `["${'x'.repeat(100)}[[[,,,,,"]`,
])('takes what is within its limits: %s', (text) => expect(() => add(text)).not.toThrow());

it.each([
  ['[1,2,3,4,5,6]', 'payload-too-large', 'more than 5 values'],
  ['[{},{},{},{},{},{}]', 'payload-too-large', 'more than 5 values'],
  ['{"a":1,"b":2,"c":3,"d":4}', 'payload-too-large', 'more than 3 fields'],
  ['[[[1]]]', 'invalid-request', 'nested more than 2 levels'],
  ['["a\\"",1,2,3,4,5]', 'payload-too-large', 'more than 5 values'],
  [`["${'x'.repeat(100)}\\\\",1,2,3,4,5]`, 'payload-too-large', 'more than 5 values'],
])('refuses what is beyond them, however it is cut into pieces: %s', (text, code, detail) => {
  for (const size of [1, 2, 3, 40, text.length])
    expect(() => add(text, size)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(detail) }),
    );
});

it('counts the values of any JSON as its parser finds them, and never more in a string', () => {
  const valuesIn = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 0;
    const within = Object.values(value);
    return Math.max(1, within.length) + within.reduce<number>((sum, each) => sum + valuesIn(each), 0);
  };
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 50 }), (value, size) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const take = (values: number) => {
        const structure = new JsonStructure({ values, members: 1e6, depth: 1e6 });
        for (let at = 0; at < bytes.length; at += size) structure.add(bytes.subarray(at, at + size));
      };
      const values = valuesIn(value);
      take(values);
      if (values > 0) expect(() => take(values - 1)).toThrow('values');
    }),
  );
});

it('looks at every byte once, however many backslashes stand before the end of a string', () => {
  const text = Buffer.from(`"${`${'a'.repeat(38)}\\n`.repeat(100_000)}"`);
  const before = process.threadCpuUsage();
  new JsonStructure().add(text);
  // Searching for the end of the string anew at each of them takes seconds.
  expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(1000);
});
