import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeIssues } from '../../src/schema-words.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(3).optional(),
  count: z.int().min(1).max(9).optional(),
  share: z.number().gt(0).lt(1).optional(),
  digits: z.coerce.number().int().optional(),
  isOn: z.boolean().optional(),
  kind: z.enum(['train', 'compare']).optional(),
  version: z.literal(1).optional(),
  rows: z
    .array(z.object({ label: z.string() }))
    .min(1)
    .optional(),
  input: z.union([z.string(), z.array(z.string())]).optional(),
  when: z.iso.datetime().optional(),
  own: z.string().regex(/^a/, 'must begin with a').optional(),
});

it.each([
  [{ name: 5 }, 'name: must be a text, not a number'],
  [{ name: '' }, 'name: must not be empty'],
  [{ name: 'long' }, 'name: must have at most 3 characters'],
  [{ count: 0 }, 'count: must be at least 1'],
  [{ count: 10 }, 'count: must be at most 9'],
  [{ count: 1.5 }, 'count: must be a whole number'],
  [{ share: 1 }, 'share: must be less than 1'],
  [{ digits: 'many' }, 'digits: must be a number'],
  [{ isOn: 'true' }, 'isOn: must be true or false, not a text'],
  [{ kind: 'trian' }, 'kind: must be one of "train", "compare"'],
  [{ version: 2 }, 'version: must be 1'],
  [{ rows: [] }, 'rows: must not be empty'],
  [{ rows: [{}] }, 'rows[0].label: is missing; it must be a text'],
  [{ rows: {} }, 'rows: must be a list, not an object'],
  [{ input: 5 }, 'input: must be a text or a list, not a number'],
  [{ when: 'today' }, 'when: must be a valid datetime'],
  [{ own: 'b' }, 'own: must begin with a'],
  [{ speed: 1 }, 'speed: there is no such field; leave it out'],
  ['text', 'the request: must be an object, not a text'],
  [undefined, 'the request: is missing; it must be an object'],
])('says of %o in words: %s', (value, words) => {
  const { error } = schema.safeParse(value);
  const said = error ? describeIssues(error).map(({ at, detail }) => `${at}: ${detail}`) : [];
  expect([...said]).toEqual([words]);
});
