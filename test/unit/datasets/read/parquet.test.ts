import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { readParquet } from '../../../../src/datasets/read/parquet.ts';
import type { ReadRow } from '../../../../src/datasets/read/table-row.ts';
import { FileCell } from '../../../../src/modalities/file-cell.ts';
import { folderWith, temporaryFolder } from '../sample.ts';

const fixtures = path.resolve('test/fixtures/tables');
const fixture = (name: string) => path.join(fixtures, name);

const inlineFolder = async () => path.join(await temporaryFolder(), 'images');

async function rowsOf(file: string) {
  const columns: string[] = [];
  const found: ReadRow[] = [];
  const options = { onColumns: (names: readonly string[]) => columns.push(...names) > 0 };
  for await (const row of readParquet(file, options)) found.push(row);
  const rows = found.map(({ values = [] }) => Object.fromEntries(values));
  return { columns, rows };
}

describe('a Parquet file that pandas wrote', () => {
  it.each(['snappy', 'gzip', 'brotli', 'zstd'])('is read, compressed with %s', async (compression) => {
    const { columns, rows } = await rowsOf(fixture(`${compression}.parquet`));
    expect(columns).toEqual(['title', 'price', 'count', 'sold', 'day', 'label']);
    expect(rows).toHaveLength(4);
    expect(rows[0]).toEqual({
      ...{ title: 'An ant', price: 1.5, count: 1, sold: true },
      ...{ day: '2024-01-05', label: 'bug' },
    });
    expect(rows[1]).toMatchObject({ price: null, day: '2024-01-06T10:30:00.000Z' });
    // No number of JavaScript has this value.
    expect(rows[2]).toMatchObject({ count: '9007199254740993', day: null, label: 'pet' });
  });

  it('is a dataset by its path, with columns under other names', async () => {
    const { examples, notes } = await readDataset(fixture('snappy.parquet'));
    expect(examples.map(({ content }) => content.text)).toEqual([
      'An ant',
      'A bee',
      'A cat',
      'A dog, asleep',
    ]);
    expect(examples.map(({ row }) => row)).toEqual([1, 2, 3, 4]);
    expect(notes).toContain(
      'snappy.parquet: read "title" as the text; to read another column, name it with --text-column',
    );
  });
});

describe('a dataset of the Hugging Face hub', () => {
  const shards = ['train-00000-of-00002', 'train-00001-of-00002', 'test-00000-of-00001'];

  async function hubDataset(prefix: string, names = shards) {
    const folder = await folderWith({ 'README.md': '# A dataset' });
    await mkdir(path.join(folder, prefix), { recursive: true });
    for (const name of names)
      await copyFile(fixture(`${name}.parquet`), path.join(folder, prefix, `${name}.parquet`));
    return folder;
  }

  it.each(['', 'data'])('is read from shards with image bytes, in %j', async (prefix) => {
    const folder = await hubDataset(prefix);
    const { examples, labels, notes } = await readDataset(folder, { inlineFolder });
    expect(labels).toEqual(['bug', 'pet']);
    expect(examples.map(({ row, split, truth, content }) => [row, split, truth, content.text])).toEqual([
      [1, 'test', { class: 'bug' }, 'caption 4'],
      [2, 'test', { class: 'pet' }, 'caption 5'],
      [3, 'train', { class: 'bug' }, 'caption 0'],
      [4, 'train', { class: 'pet' }, 'caption 2'],
      [5, 'train', { class: 'bug' }, 'caption 1'],
      [6, 'train', { class: 'pet' }, 'caption 3'],
    ]);
    for (const { content } of examples) expect(content.image?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(notes.filter((note) => note.includes('train-*.parquet'))).toHaveLength(1);
  });

  it('is refused where a shard is missing', async () => {
    const folder = await hubDataset('data', shards.slice(1));
    const { problems } = await checkDataset(folder, { inlineFolder });
    expect(problems).toContainEqual({
      at: 'data/train-00001-of-00002.parquet',
      detail: 'of 2 files of this split 1 are missing; download it again',
    });
  });

  it('gives names to numbers of class labels, in lists as well', async () => {
    const { rows } = await rowsOf(fixture('tags.parquet'));
    expect(rows).toEqual([
      { text: 'one', tags: ['red', 'big'], label: 'a' },
      { text: 'two', tags: [], label: null },
    ]);
  });

  it('has images as cells, whose name is all that JSON shows', async () => {
    const { rows } = await rowsOf(fixture('train-00000-of-00002.parquet'));
    expect(rows[0]?.image).toBeInstanceOf(FileCell);
    expect(JSON.parse(JSON.stringify(rows[0]))).toEqual({
      image: '0.png',
      label: 'bug',
      caption: 'caption 0',
    });
  });
});

describe('tables named by their split', () => {
  const csv = 'text,label\none,a\ntwo,b\n';

  it('are read together, validation for test where there is none', async () => {
    const folder = await folderWith({ 'train.csv': csv, 'validation.csv': 'text,label\nthree,a\nfour,b\n' });
    const { examples, notes } = await readDataset(folder);
    expect(examples.map(({ split }) => split)).toEqual(['train', 'train', 'test', 'test']);
    expect(notes).toContain('validation.csv: read as the test split');
  });

  it('leave validation out beside a test split, and say so', async () => {
    const files = { 'train.csv': csv, 'test.csv': 'text,label\nfive,a\nsix,b\n', 'val.csv': csv };
    const { examples, notes } = await readDataset(await folderWith(files));
    expect(examples).toHaveLength(4);
    expect(notes).toContain('not used: val.csv, since there is a test split');
  });

  it('are refused in two formats', async () => {
    const { problems } = await checkDataset(await folderWith({ 'train.csv': csv, 'train.tsv': csv }));
    expect(problems).toEqual([
      { at: 'train.csv, train.tsv', detail: 'tables in two formats, .csv and .tsv; keep those of one' },
    ]);
  });

  it('may have numbers alone, below train and test', async () => {
    const files = {
      'train/0000.csv': csv,
      'train/0001.csv': 'text,label\nthree,a\nfour,b\n',
      'test/0000.csv': 'text,label\nfive,a\n',
    };
    const { examples } = await readDataset(await folderWith(files));
    expect(examples.map(({ row, split }) => `${row} ${split}`)).toEqual([
      '1 train',
      '2 train',
      '3 train',
      '4 train',
      '2 test',
    ]);
  });
});

describe('a Parquet file that cannot be read', () => {
  const problemsOf = async (file: string) => {
    const { problems } = await checkDataset(file, { inlineFolder });
    return problems.map(({ detail }) => detail);
  };

  it('is refused where it unpacks to a gigabyte, before it does', async () => {
    const before = process.memoryUsage().arrayBuffers;
    expect(await problemsOf(fixture('zeros.parquet'))).toEqual([
      expect.stringContaining('a row group has more than 512 MiB'),
    ]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });

  it('is refused with more rows than a table may have', async () => {
    expect(await problemsOf(fixture('rows.parquet'))).toEqual([
      'there are more than 2000000 rows; split it into several datasets',
    ]);
  });

  it('is refused where its pages have more values than its footer says', async () => {
    const bytes = await readFile(fixture('rows.parquet'));
    // Numbers are doubled, and so many bytes long: the footer says 4 rows, and each page 524,287 values.
    const file = Buffer.from(bytes);
    replaceAll(file, encodeVarInt(2 * 3_000_000), [0x88, 0x80, 0x80, 0x00]);
    replaceAll(file, encodeVarInt(2 * 20_000), encodeVarInt(2 * 524_287));
    const folder = await folderWith({ 'lying.parquet': file });
    expect(await problemsOf(path.join(folder, 'lying.parquet'))).toEqual([
      expect.stringContaining('33554432 values'),
    ]);
  });

  it.each([
    ['lz4.parquet', 'it is compressed with LZ4_RAW; write it with snappy, gzip, brotli or zstd'],
    ['prefixes.parquet', 'its texts are encoded as DELTA_BYTE_ARRAY; write it with the default encodings'],
  ])('is refused for how it is written: %s', async (name, detail) => {
    expect(await problemsOf(fixture(name))).toEqual([detail]);
  });

  it('is refused where it is damaged anywhere', async () => {
    const whole = await readFile(fixture('snappy.parquet'));
    const cut = await folderWith({
      'a.parquet': whole.subarray(0, 2000),
      'b.parquet': '',
      'c.parquet': 'text,label',
    });
    for (const name of ['a', 'b', 'c'])
      expect(await problemsOf(path.join(cut, `${name}.parquet`))).toEqual([
        'it is no Parquet file, or it breaks off',
      ]);
    for (let at = 4; at < whole.length - 8; at += 23) {
      const file = Buffer.from(whole);
      file[at] = 255 - (file[at] ?? 0);
      const folder = await folderWith({ 'bit.parquet': file });
      // It is read or refused, and never anything else.
      await checkDataset(path.join(folder, 'bit.parquet'));
    }
  });
});

function replaceAll(bytes: Buffer, from: readonly number[], to: readonly number[]): void {
  const searched = Buffer.from(from);
  expect(bytes.includes(searched)).toBe(true);
  for (let at = bytes.indexOf(searched); at >= 0; at = bytes.indexOf(searched, at + 1))
    Buffer.from(to).copy(bytes, at);
}

function encodeVarInt(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
