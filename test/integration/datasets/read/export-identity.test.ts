import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetCatalogue } from '../../../../src/datasets/catalogue.ts';
import { exportDataset } from '../../../../src/datasets/export.ts';
import { type ImportOptions, importDataset } from '../../../../src/datasets/import/import.ts';
import type { Store } from '../../../../src/store/store.ts';
import { folderWith, image, temporaryFolder } from '../../../unit/datasets/sample.ts';
import { temporaryStore } from '../../../unit/store/test-store.ts';

type Reading = Omit<ImportOptions, 'workspace'>;

async function openTwo(): Promise<{ workspace: string; here: Store; elsewhere: Store }> {
  const workspace = await temporaryFolder();
  const [here, elsewhere] = await Promise.all(
    ['here', 'elsewhere'].map((name) => temporaryStore(path.join(workspace, name))),
  );
  return { workspace, here, elsewhere };
}

/** Imports a folder, exports it, imports that elsewhere, and sees that it is the same; both are deleted again. */
async function expectSame(
  { workspace, here, elsewhere }: Awaited<ReturnType<typeof openTwo>>,
  folder: string,
  reading: Reading,
) {
  const [first, second] = [new DatasetCatalogue(here), new DatasetCatalogue(elsewhere)];
  const { record } = await importDataset(first, { folder }, { ...reading, name: 'set', workspace });
  const file = path.join(workspace, 'exported');
  await pipeline(await exportDataset(first, record.id), createWriteStream(file));
  const source = { file, fileName: 'set.zip' };
  const { record: copy } = await importDataset(second, source, { workspace });
  expect({ ...copy, createdAt: '', notes: [] }).toEqual({ ...record, createdAt: '', notes: [] });
  const contents = async (catalogue: DatasetCatalogue) =>
    (await catalogue.examples(record.id)).map(({ content: { image, text, table }, truth, split, group }) => ({
      ...{ ...image, path: '' },
      text,
      table,
      truth,
      split,
      group,
    }));
  expect(await contents(second)).toEqual(await contents(first));
  await first.delete(record.id);
  await second.delete(record.id);
  return record;
}

const lines = (rows: object[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
const numbers = (column: string) =>
  lines([1.5, 2, -3, 1e3].map((number, index) => ({ caption: `text ${index}`, [column]: number })));

/** Names and texts as people write them, and as they don't. */
const odd = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'text',
    'label',
    'split',
    'file_name',
    'labels',
    'a,b;c\td',
    '"quoted"',
    'größe',
    '犬',
    '👩‍👩‍👧',
    '\u2028',
    'a\u2029b',
    'ﬁ',
    'train',
    '{}',
    '__proto__',
    'constructor',
    '\ud800',
  ),
);
const isClean = (text: string) => !/[\p{Cc}]/u.test(text);
const columnName = odd.filter((name) => isClean(name) && !['caption', 'image', 'split'].includes(name));
const label = odd
  .map((text) => text.replaceAll('|', '/').trim())
  .filter((text) => text !== '' && isClean(text));

/** Numbers in the first column, categories in the second, some of either missing. */
function cellAt(index: number, place: number): string | number | null {
  if (index % 3 === place) return null;
  return place === 0 ? index / 8 : `kind ${index % 2}`;
}

const anyDataset = fc.record({
  target: fc.constantFrom('single' as const, 'multi' as const, 'regression' as const),
  labelColumn: columnName,
  tableColumns: fc.uniqueArray(
    columnName.filter((name) => !['', '__proto__'].includes(name)),
    { maxLength: 2 },
  ),
  labels: fc.uniqueArray(label, { minLength: 2, maxLength: 4, selector: (text) => text.normalize('NFC') }),
  rows: fc.array(
    fc.record({
      text: fc.option(
        odd.filter((text) => !text.includes('\0')),
        { nil: undefined },
      ),
      image: fc.option(fc.nat(2), { nil: undefined }),
      split: fc.constantFrom('train', 'test', undefined, ''),
    }),
    { minLength: 4, maxLength: 8 },
  ),
});

describe('a dataset that is exported and imported again is the same', () => {
  it('whatever its columns, labels, texts, splits and file names', async () => {
    const stores = await openTwo();
    const fileNames = ['größe.png', '犬 und katze.png', "it's #1 & more%20.png"];
    const files = Object.fromEntries(
      await Promise.all(fileNames.map(async (name, index) => [name, await image(index)] as const)),
    );
    await fc.assert(
      fc.asyncProperty(anyDataset, async ({ target, labelColumn, labels, rows, ...others }) => {
        const tableColumns = others.tableColumns.filter((name) => name !== labelColumn);
        const labelOf = (index: number) =>
          target === 'regression'
            ? index / 4
            : target === 'multi'
              ? labels.slice(0, index % (labels.length + 1))
              : labels[index % labels.length];
        // Each label twice, and once to learn from.
        const twice = [...rows, ...rows.map((row) => ({ ...row, split: 'train' }))];
        const table = Array.from({ length: Math.max(twice.length, 4 * labels.length) }, (_, index) => {
          const { text, image, split } = twice[index % twice.length];
          return {
            caption: text?.trim() || (image === undefined ? 'a text' : ''),
            image: image === undefined ? '' : fileNames[image],
            split: index >= 2 * labels.length ? 'train' : split,
            ...Object.fromEntries(tableColumns.map((column, place) => [column, cellAt(index, place)])),
            [labelColumn]: labelOf(index),
          };
        });
        const folder = await folderWith({ ...files, 'metadata.jsonl': lines(table) });
        await expectSame(stores, folder, {
          target,
          labelColumn,
          tableColumns,
          imageColumn: 'image',
          textColumn: 'caption',
        });
      }),
      { numRuns: 40 },
    );
  });

  it.each(['text', 'file_name', '__proto__', '', ' spaced ', 'caption of the example', 'labels'])(
    'where its numbers are called %j',
    async (labelColumn) => {
      const folder = await folderWith({ 'metadata.jsonl': numbers(labelColumn) });
      const { labels } = await expectSame(await openTwo(), folder, {
        target: 'regression',
        labelColumn,
        textColumn: 'caption',
      });
      expect(labels).toEqual([labelColumn]);
    },
  );

  it('where its numbers are called split, and are names of folders', async () => {
    const folder = await folderWith({ '1/a.txt': 'one', '2/b.txt': 'two', '3/c.txt': 'three' });
    await expectSame(await openTwo(), folder, { target: 'regression', labelColumn: 'split' });
  });

  it('where rows have groups, and a column has that name already', async () => {
    const folder = await folderWith({
      'metadata.csv': 'text,group,seller,label\none,1,s,a\ntwo,2,s,a\nthree,3,,b\nfour,4,t,b\n',
    });
    await expectSame(await openTwo(), folder, { groupColumn: 'seller', tableColumns: ['group'] });
  });

  it('where 300,000 rows are equal', async () => {
    const folder = await folderWith({
      'metadata.csv': `text,label\n${'the same,x\n'.repeat(300_000)}${'another,y\n'.repeat(2)}`,
    });
    const { counts } = await expectSame(await openTwo(), folder, {});
    expect(counts.examples).toBe(300_002);
  });

  it('where an example has more labels than a value of a table has characters', async () => {
    const many = Array.from({ length: 400 }, (_, index) => `${index}${'l'.repeat(400)}`);
    const folder = await folderWith({
      'metadata.jsonl': lines([
        { text: 'a', label: many },
        { text: 'b', label: many.slice(1) },
      ]),
    });
    await expectSame(await openTwo(), folder, { target: 'multi' });
  });
});

it('lists the datasets whose records can be used, tells of the others, and deletes these, too', async () => {
  const store = await temporaryStore();
  const catalogue = new DatasetCatalogue(store);
  const workspace = await temporaryFolder();
  const table = path.join(workspace, 'table');
  await writeFile(table, 'text,label\na,x\nb,x\nc,y\nd,y\n');
  const bring = async (name: string) =>
    (await importDataset(catalogue, { file: table, fileName: 'table.csv' }, { workspace, name })).record;
  const [bad, good] = [await bring('bad'), await bring('good')];
  for (const record of ['{"format":1', '{"format":2}']) {
    await store.database.query.updateTable('dataset').set({ record }).where('id', '=', bad.id).execute();
    const { records, damaged, total } = await catalogue.list();
    expect(records).toEqual([good]);
    expect(damaged).toEqual([{ id: bad.id, problem: expect.stringContaining(bad.id) }]);
    expect(total).toBe(2);
    await expect(catalogue.get(bad.id)).rejects.toMatchObject({ code: 'damaged-artifact' });
    await expect(catalogue.get('none')).rejects.toMatchObject({ code: 'unknown-dataset' });
  }
  await catalogue.delete(bad.id);
  expect(await catalogue.find(bad.id)).toBeUndefined();
});
