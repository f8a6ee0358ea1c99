import { expect, it } from 'vitest';
import { z } from 'zod';
import { parseJson } from '../../src/json.ts';

const schema = z.object({ versions: z.array(z.int()) });

it('reads what the schema describes', () => {
  expect(parseJson(schema, '{"versions":[3,1]}', 'the alias')).toEqual({ versions: [3, 1] });
});

it.each([
  ['{"versions":[3,', /^the alias pets@production cannot be used: .*JSON/],
  [
    '{"versions":[3,"1"]}',
    /^the alias pets@production cannot be used: versions\[1\]: must be a number, not a text$/,
  ],
])('names the text %s and what is wrong in it', (text, message) => {
  const read = () => parseJson(schema, text, 'the alias pets@production');
  expect(read).toThrow(message);
  expect(read).toThrow(expect.objectContaining({ code: 'damaged-artifact' }));
});
