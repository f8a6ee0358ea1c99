import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { DatasetCatalogue } from '../../../src/datasets/catalogue.ts';
import { exportDataset } from '../../../src/datasets/export.ts';
import { importDataset } from '../../../src/datasets/import/import.ts';
import { readStored } from '../../../src/datasets/stored-example.ts';
import { temporaryStore } from '../store/test-store.ts';
import { temporaryFolder } from './sample.ts';

/** A dataset as the first format has it: labels joined by the separator of its record. */
async function firstFormat(reading: object, rows: readonly { label: string; split?: string }[]) {
  const store = await temporaryStore();
  const [id, createdAt, examples] = [
    'old-0123456789ab',
    '2026-01-31T12:00:00.000Z',
    'datasets/old/one.jsonl',
  ];
  const file = path.join(await temporaryFolder(), 'examples.jsonl');
  const lines = rows.map((row, index) => JSON.stringify({ row: index + 2, text: `text ${index}`, ...row }));
  await writeFile(file, `${lines.join('\n')}\n`);
  await store.artifacts.take(examples, file);
  const counts = {
    examples: rows.length,
    images: 0,
    texts: rows.length,
    distinctImages: 0,
    train: 0,
    test: 0,
  };
  const record = JSON.stringify({
    ...{ format: 1, id, name: 'old', hash: 'a'.repeat(64), labels: ['big', 'red'], createdAt, notes: [] },
    counts: { ...counts, labels: [] },
    ...reading,
  });
  await store.database.query
    .insertInto('dataset')
    .values({ id, createdAt, record, examples, imageUser: 'one', hash: null })
    .execute();
  return { id, catalogue: new DatasetCatalogue(store) };
}

it.each([
  [
    'several labels',
    { target: 'multi', labelSeparator: ';' },
    ['big;red', '', 'a|b'],
    [{ classes: ['big', 'red'] }, { classes: [] }, { classes: ['a|b'] }],
  ],
  [
    'numbers',
    { target: 'regression', labelSeparator: '|' },
    ['1.50', '-2e3'],
    [{ values: [1.5] }, { values: [-2000] }],
  ],
  ['one label', {}, ['a|b', 'red'], [{ class: 'a|b' }, { class: 'red' }]],
])('opens a dataset that was stored with joined labels: %s', async (_, reading, labels, truths) => {
  const { id, catalogue } = await firstFormat(
    reading,
    labels.map((label) => ({ label })),
  );
  const { examples } = await catalogue.open(id);
  expect(examples.map(({ truth }) => truth)).toEqual(truths);
  expect(examples[0]).toEqual({ row: 2, content: { text: 'text 0' }, truth: truths[0] });
});

it('exports a dataset that was stored with joined labels so that it imports with the same labels', async () => {
  const { id, catalogue } = await firstFormat({ target: 'multi', labelSeparator: ';' }, [
    { label: 'R|B;red' },
    { label: 'red' },
    { label: 'R|B' },
  ]);
  const workspace = await temporaryFolder();
  const file = path.join(workspace, 'old');
  await writeFile(file, await exportDataset(catalogue, id));
  const elsewhere = new DatasetCatalogue(await temporaryStore());
  const { record } = await importDataset(elsewhere, { file, fileName: 'old.zip' }, { workspace });
  expect(record.labels).toEqual(['R|B', 'red']);
  expect((await elsewhere.examples(record.id)).map(({ truth }) => truth)).toEqual([
    { classes: ['R|B', 'red'] },
    { classes: ['red'] },
    { classes: ['R|B'] },
  ]);
});

it('reads an example whose image and text stand beside its label as its content', () => {
  const earlier = {
    row: 2,
    imageHash: 'a1',
    perceptualHash: 'b2',
    text: 'a cat',
    label: 'cat',
    split: 'test',
  };
  const example = readStored(JSON.stringify(earlier), { id: 'pets', target: 'single' });
  expect(example).toEqual({
    row: 2,
    content: { image: { sha256: 'a1', perceptualHash: 'b2' }, text: 'a cat' },
    truth: { class: 'cat' },
    split: 'test',
  });
  expect(readStored(JSON.stringify(example), { id: 'pets', target: 'single' })).toEqual(example);
});

const damaged = [
  '{',
  '{"row":2,"content":{"smell":"a"},"truth":{"values":[1]}}',
  '{"row":2,"text":"a"}',
  '{"row":2,"truth":{"class":1}}',
  '{"row":2,"label":"dear"}',
];
it.each(damaged)('says that a stored example is damaged: %s', (line) => {
  expect(() => readStored(line, { id: 'prices', target: 'regression' })).toThrow(
    expect.objectContaining({ code: 'damaged-artifact' }),
  );
});
