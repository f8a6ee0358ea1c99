import { expect, it } from 'vitest';
import { addedColumns } from '../../../src/scoring/added-columns.ts';
import { formatFor } from '../../../src/scoring/row-format.ts';

const plain = { separator: '|', escapeFormulas: false };
const values = new Map<string, unknown>([
  ['id', '007'],
  ['note', '=HYPERLINK("http://x")'],
  ['tags', ['a', 1]],
  ['sold', null],
]);
const columns = ['id', 'note', 'tags', 'sold', 'predicted_labels'];
const added = new Map<string, unknown>([['predicted_labels', ['red', '-big']]]);

it('writes cells as they are, in the format that the name of the output says', () => {
  const row = [{ values, added }];
  const csv = formatFor('a.CSV', plain);
  expect(csv.header(columns) + csv.rows(columns, row)).toBe(
    'id,note,tags,sold,predicted_labels\n007,"=HYPERLINK(""http://x"")","[""a"",1]",,red|-big\n',
  );
  expect(formatFor('a.tsv', plain).rows(['id', 'predicted_labels'], row)).toBe('007\tred|-big\n');
  const [line] = formatFor('a.jsonl', plain).rows(columns, row).split('\n');
  expect(JSON.parse(line ?? '')).toEqual({
    ...Object.fromEntries(values),
    predicted_labels: ['red', '-big'],
  });
  expect(() => formatFor('a.xlsx', plain)).toThrow(/"a.xlsx" does not say in which format/);
});

it('disarms formulas only where that is asked for', () => {
  const { rows } = formatFor('a.csv', { ...plain, escapeFormulas: true });
  expect(rows(['note', 'id'], [{ values, added }])).toMatch(/^"?'=HYPERLINK.*,007\n$/);
});

const head = { name: 'pets', version: 3, encoders: [] };
const answer = { modalities: [], unimodal: {} };

it('adds what the target predicts, the head, and why a row has no answer', () => {
  const options = { unimodal: false, prefix: 'new_' };
  const single = addedColumns({ ...head, target: 'single' }, options);
  const labels = [{ label: 'cat', probability: 0.123456789 }];
  expect(Object.fromEntries(single.cells({ ...answer, labels }))).toEqual({
    new_predicted_label: 'cat',
    new_probability: 0.123457,
    new_head: 'pets@3',
    new_error: null,
  });
  expect(Object.fromEntries(single.cells({ problem: 'it is empty' }))).toMatchObject({
    new_predicted_label: null,
    new_error: 'it is empty',
  });
  const decided = addedColumns({ ...head, target: 'single' }, { ...options, isDecided: true });
  const reasons = [{ reason: 'low-probability' }, { reason: 'unlike-training', modality: 'image' }] as const;
  expect(
    Object.fromEntries(decided.cells({ ...answer, labels, decision: 'unsure', reasons: [...reasons] })),
  ).toMatchObject({ new_decision: 'unsure', new_reasons: ['low-probability', 'unlike-training:image'] });
  const multi = addedColumns({ ...head, target: 'multi' }, { ...options, prefix: '' });
  const given = [
    { label: 'big', probability: 0.9, given: true },
    { label: 'red', probability: 0.2, given: false },
  ];
  expect(Object.fromEntries(multi.cells({ ...answer, labels: given }))).toMatchObject({
    predicted_labels: ['big'],
    probabilities: [0.9],
  });
  const regression = addedColumns({ ...head, target: 'regression' }, { ...options, prefix: '' });
  expect(regression.cells({ ...answer, labels: [], value: -12.3456789 }).get('predicted_value')).toBe(
    -12.34568,
  );
});
