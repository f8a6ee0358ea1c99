import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { formatFor } from '../../../src/scoring/row-format.ts';
import { tableSource } from '../../../src/scoring/table-source.ts';

async function sourceOf(name: string, content: string) {
  const folder = await mkdtemp(path.join(tmpdir(), 'table-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, name), content);
  return tableSource(path.join(folder, name), folder);
}

it('finds every column of JSON lines, and writes ids beyond 2^53 as they were', async () => {
  const lines = ['{"id":12345678901234567890,"text":"a"}', '{"id":-5,"tags":["b",1.5]}', '[]'];
  const source = await sourceOf('a.jsonl', lines.join('\n'));
  expect(await source.survey()).toMatchObject({ columns: ['id', 'text', 'tags'], rows: 3 });
  const rows = await Array.fromAsync(source.rows());
  expect(rows[2]).toMatchObject({ row: 3, problem: 'the line is not a JSON object' });
  const written = rows.slice(0, 2).map(({ values }) => ({ values, added: new Map() }));
  const options = { separator: '|', escapeFormulas: false };
  expect(formatFor('o.jsonl', options).rows([], written)).toBe(`${lines.slice(0, 2).join('\n')}\n`);
  expect(formatFor('o.csv', options).rows(['id', 'tags'], written)).toBe(
    '12345678901234567890,\n-5,"[""b"",1.5]"\n',
  );
});

it('keeps the cells of a row that has too many, and refuses a table that has a column twice or does not end', async () => {
  const source = await sourceOf('a.csv', 'id,text\n007,a,b\n008,c\n');
  const [long, good] = await Array.fromAsync(source.rows());
  expect(Object.fromEntries(long!.values)).toEqual({ id: '007', text: 'a' });
  expect(long!.problem).toContain('3 values for 2 columns');
  expect(good).toEqual({ row: 3, values: new Map(Object.entries({ id: '008', text: 'c' })) });
  const twice = await sourceOf('a.csv', 'id,id\n1,2\n');
  await expect(twice.survey()).rejects.toMatchObject({ code: 'invalid-dataset' });
  const open = await sourceOf('a.csv', 'id,text\n1,"a\n2,b\n');
  await expect(open.survey()).rejects.toMatchObject({ code: 'invalid-dataset' });
});

it('is another table where a byte of it is another', async () => {
  const identities = await Promise.all(
    ['id\n1\n', 'id\n2\n'].map(async (text) => (await (await sourceOf('a.csv', text)).survey()).identity),
  );
  expect(identities[0]).not.toBe(identities[1]);
});
