import { expect, it } from 'vitest';
import { describeFitted, encodeFitted, summarizeEncoder } from '../../../src/heads/fitted.ts';
import { headManifestSchema } from '../../../src/heads/manifest.ts';

const specification = {
  columns: [
    { name: 'brand', kind: 'category', categories: ['Acme'] },
    { name: 'price', kind: 'number', mean: 20, deviation: 10 },
  ],
};
const encoder = describeFitted('table', specification);
const read = (changes: object) => headManifestSchema.shape.encoders.safeParse([{ ...encoder, ...changes }]);

it('describes what was fitted as a head keeps it, and reads it again', () => {
  expect(encoder).toMatchObject({ modality: 'table', id: 'columns', dimension: 4, fitted: specification });
  expect(read({}).data).toEqual([encoder]);
  expect([...encodeFitted('table', specification, { price: 30 })]).toEqual([0, 0, 1, 0]);
});

it('shows the columns of what was fitted, and nothing of what it learnt', () => {
  const { fitted: _, ...others } = encoder;
  expect(summarizeEncoder(encoder)).toEqual({
    ...others,
    columns: [
      { name: 'brand', kind: 'category' },
      { name: 'price', kind: 'number' },
    ],
  });
});

it.each([
  ['no specification', { fitted: undefined }],
  ['a specification that is none', { fitted: { columns: 'all' } }],
  ['another length', { dimension: 5 }],
  ['another fingerprint', { fingerprint: 'f'.repeat(64) }],
  ['a specification of a pretrained modality', { modality: 'text' }],
])('refuses %s in a head that is imported', (_, changes) => {
  expect(read(changes).success).toBe(false);
});
