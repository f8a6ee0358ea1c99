import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkDataset } from '../../../../src/datasets/dataset.ts';
import { importDataset, tryImport } from '../../../../src/datasets/import/import.ts';
import { tableLimits } from '../../../../src/datasets/read/table-row.ts';
import { unpackUpload } from '../../../../src/datasets/upload/unpack.ts';
import { labelLimits } from '../../../../src/targets/labels.ts';
import { packFile, writeZip } from '../../../attack/payloads/uploads.ts';
import { folderWith, temporaryFolder } from '../../../unit/datasets/sample.ts';

const good = 'a,x\nb,x\nc,y\nd,y\n';
const jsonl = (...rows: object[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
const goodRows = ['a', 'b', 'c', 'd'].map((text, index) => ({ text, label: index < 2 ? 'x' : 'y' }));

async function problemsOf(files: Record<string, string>, options = {}) {
  const { problems } = await checkDataset(await folderWith(files), options);
  return problems.map(({ at, detail }) => `${at}: ${detail}`);
}

function withLimit<Limits extends Record<string, number>>(limits: Limits, changed: Partial<Limits>) {
  const before = { ...limits };
  onTestFinished(() => void Object.assign(limits, before));
  Object.assign(limits, changed);
}

describe('a table whose names or values are beyond a bound', () => {
  it.each([
    [
      'a long column name',
      'metadata.csv',
      `text,label,${'n'.repeat(201)}\n${good}`,
      /^metadata\.csv: the name of column 3 has 201 characters; 200 are the limit$/,
    ],
    [
      'a control character in a column name',
      'metadata.csv',
      `text,label,a\u001b[2J\n${good}`,
      /^metadata\.csv: the name of column 3, "a\\u001b\[2J", has control characters/,
    ],
    [
      'a long key',
      'metadata.jsonl',
      jsonl(...goodRows, { ['k'.repeat(201)]: 1 }),
      /^metadata\.jsonl row 5: the name of column 3 has 201 characters/,
    ],
    [
      'a zero byte in a key',
      'metadata.jsonl',
      jsonl(...goodRows, { 'a\0': 1 }),
      /^metadata\.jsonl row 5: the name of column 3, "a\\u0000", has control characters/,
    ],
    [
      'a zero byte in a text',
      'metadata.jsonl',
      jsonl(...goodRows, { text: 'a\0', label: 'x' }),
      /^metadata\.jsonl row 5: a zero byte stands in the text; remove it$/,
    ],
    [
      'a long label',
      'metadata.csv',
      `text,label\n${good}e,${'l'.repeat(501)}\n`,
      /^metadata\.csv row 6: the label has 501 characters; 500 are the limit$/,
    ],
    [
      'a control character in a label',
      'metadata.csv',
      `text,label\n${good}e,"x\ny"\n`,
      /^metadata\.csv row 6: the label "x\\ny" has control characters/,
    ],
  ])('%s', async (_, name, content, problem) => {
    expect(await problemsOf({ [name]: content })).toContainEqual(expect.stringMatching(problem));
  });

  it('many labels of one example', async () => {
    const labels = Array.from({ length: 1001 }, (_, index) => `l${index}`).join('|');
    expect(
      await problemsOf({ 'metadata.csv': `text,label\na,${labels}\nb,l1\n` }, { target: 'multi' }),
    ).toContain('metadata.csv row 2: there are 1001 labels; 1000 are the limit');
  });

  it('many different labels', async () => {
    withLimit(labelLimits, { labels: 1 });
    expect(await problemsOf({ 'metadata.csv': `text,label\n${good}` })).toContainEqual(
      expect.stringMatching(/there are 2 different labels of 2 characters together; 1 labels/),
    );
  });

  it('much text in all, in a table or in files', async () => {
    withLimit(tableLimits, { text: 6 });
    expect(await problemsOf({ 'metadata.csv': `text,label\n${good}` })).toContainEqual(
      expect.stringMatching(/^metadata\.csv row 5: the dataset has more than .* MiB of text; split it/),
    );
    const files = { 'x/a.txt': 'aaaa', 'x/b.txt': 'bbb', 'y/c.txt': 'c', 'y/d.txt': 'd' };
    expect(await problemsOf(files)).toContainEqual(
      expect.stringMatching(/^x\/b\.txt: the dataset has more than/),
    );
  });

  it('a file with a longer text than a table may hold, which could not be exported', async () => {
    const files = { 'x/a.txt': 'a'.repeat(100_001), 'x/b.txt': 'b', 'y/c.txt': 'c', 'y/d.txt': 'd' };
    expect(await problemsOf(files)).toContain(
      'x/a.txt: the text has 100001 characters; 100000 are the limit',
    );
  });
});

it('repeats a long value only in part, whatever is wrong with it', async () => {
  const long = 'v'.repeat(50_000);
  const columns = Array.from({ length: 900 }, (_, index) => `spare${index}`).join(',');
  for (const { options, content } of [
    { content: `file_name,label\n${long},x\nb,y\n` },
    { content: `text,label,split\na,x,${long}\nb,y\n` },
    { content: `text,label\na,${'9'.repeat(400)}x\nb,1\n`, options: { target: 'regression' as const } },
    { content: `text,kind,${columns}\na,b\n` },
  ]) {
    const { problems, notes } = await checkDataset(await folderWith({ 'metadata.csv': content }), options);
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify([problems, notes]).length).toBeLessThan(3000);
  }
});

it('refuses control characters in the name of a dataset, and replaces them in that of a file', async () => {
  const workspace = await temporaryFolder();
  const folder = await folderWith({ 'metadata.csv': `text,label\n${good}` });
  const source = { file: join(folder, 'metadata.csv'), fileName: 'pe\u001bts\u0000.csv' };
  expect((await tryImport(source, { workspace })).name).toBe('pe_ts_');
  for (const name of ['pe\u001bts', 'a\0', 'n'.repeat(201)])
    await expect(importDataset(undefined as never, source, { workspace, name })).rejects.toMatchObject({
      code: 'invalid-request',
      items: [{ at: 'name', detail: expect.any(String) }],
    });
});

describe('an archive', () => {
  const unpack = async (files: Parameters<typeof writeZip>[1]) => {
    const folder = await temporaryFolder();
    await writeZip(join(folder, 'upload'), files);
    return unpackUpload(join(folder, 'upload'), 'upload.zip', join(folder, 'unpacked'));
  };
  const text = packFile('', Buffer.from('a text'));

  it('has files up to 32 folders deep', async () => {
    await unpack([{ ...text, name: `${'d/'.repeat(32)}a.txt` }]);
    await expect(unpack([{ ...text, name: `${'d/'.repeat(33)}a.txt` }])).rejects.toThrow(
      /it lies deeper than 32 folders/,
    );
  });

  it('has names up to a sum', async () => {
    const files = Array.from({ length: 34_000 }, (_, index) => ({
      ...text,
      name: `${index}/${'n'.repeat(250)}/${'n'.repeat(250)}/${'n'.repeat(250)}/${'n'.repeat(250)}/${'n'.repeat(250)}/${'n'.repeat(250)}/${'n'.repeat(250)}/${'n'.repeat(250)}`,
    }));
    await expect(unpack(files)).rejects.toThrow(/the names of the files have more than 64 MiB in all/);
  });

  it('does not grow 200 times in all, though each of its files is small', async () => {
    const zeros = packFile('', Buffer.alloc(2 ** 20));
    const files = Array.from({ length: 80 }, (_, index) => ({ ...zeros, name: `x/${index}.txt` }));
    await expect(unpack(files)).rejects.toThrow(/the archive: it would grow more than 200 times/);
  });
});
