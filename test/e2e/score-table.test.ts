import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { expect, it, onTestFinished } from 'vitest';
import { fixtures, runCommand, startCommand } from './server.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'score-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs `predict` on a table in a folder, with a data folder of its own. */
function predict(folder: string, ...args: string[]) {
  return runCommand('predict', ...args, '--data', path.join(folder, 'data'));
}

async function rowsOf(file: string): Promise<Record<string, string>[]> {
  return parse(await readFile(file), { columns: true });
}

const things = ['a slice of pizza', 'a red bicycle in the rain', 'cat', 'the flag of a country far away'];

/** Texts of many lengths, none twice. */
function manyTexts(rows: number): string {
  const lines = Array.from(
    { length: rows },
    (_, row) => `${row},${things[row % 4]} ${'or so '.repeat(row % 9)}${row}`,
  );
  return `id,text\n${lines.join('\n')}\n`;
}

it('keeps every column and row in order, and answers around rows that it cannot answer', async () => {
  const folder = await emptyFolder();
  const table = path.join(folder, 'listings.csv');
  const out = path.join(folder, 'scored.csv');
  await cp(path.join(fixtures, 'coffee.jpg'), path.join(folder, 'coffee.jpg'));
  await writeFile(path.join(folder, 'broken.jpg'), 'no image');
  await writeFile(
    table,
    [
      'id,file_name,text,label,formula',
      '007,coffee.jpg,"a cup, ""hot""",drink,=1+1',
      '008,broken.jpg,a cup,drink,',
      '009,missing.jpg,a cup,drink,',
      '010,,,drink,',
      '011,,a slice of pizza,food,too,many',
      '012,,a slice of pizza,food,"two\nlines"',
    ].join('\n'),
  );
  const { code, stdout } = await predict(folder, table, '--out', out, '--unimodal');
  expect(code).toBe(3);
  expect(stdout).toContain('6 rows');
  expect(stdout).toContain('4 of them could not be answered');
  const rows = await rowsOf(out);
  expect(rows.map(({ id }) => id)).toEqual(['007', '008', '009', '010', '011', '012']);
  const [both, broken, missing, empty, long, text] = rows;
  expect(both).toMatchObject({
    text: 'a cup, "hot"',
    label: 'drink',
    formula: '=1+1',
    head: 'emoji@1',
    error: '',
  });
  expect(Number(both?.probability)).toBeGreaterThan(0);
  expect(both?.image_predicted_label).not.toBe('');
  expect(broken?.error).toContain('GIF, TIFF or AVIF');
  expect(missing?.error).toContain('there is no file "missing.jpg"');
  expect(empty?.error).toContain('no image');
  expect(long).toMatchObject({
    text: 'a slice of pizza',
    error: expect.stringContaining('6 values for 5 columns'),
  });
  expect(broken?.predicted_label).toBe('');
  expect(text).toMatchObject({
    formula: 'two\nlines',
    predicted_label: 'food-drink',
    text_predicted_label: 'food-drink',
    image_predicted_label: '',
  });
  const lines = path.join(folder, 'scored.jsonl');
  await predict(folder, table, '--out', lines);
  const objects = (await readFile(lines, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(objects[5]).toMatchObject({ id: '012', predicted_label: 'food-drink', error: null });
  expect(objects[5].probability).toBeCloseTo(Number(text?.probability), 5);
});

it('goes on after a kill at any moment, and ends with the bytes of a run that nothing interrupted', async () => {
  const folder = await emptyFolder();
  const table = path.join(folder, 'listings.csv');
  await writeFile(table, manyTexts(1500));
  const [whole, pieces] = ['whole.csv', 'pieces.csv'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ];
  expect(await predict(folder, table, '--out', whole)).toMatchObject({ code: 0 });
  const stated = async () => {
    const text = await readFile(`${pieces}.partial.json`, 'utf8').catch(() => '{"rows":0}');
    return JSON.parse(text).rows as number;
  };
  const runUntil = async (rows: number, end: 'kill' | 'interrupt') => {
    const run = startCommand('predict', table, '--out', pieces, '--data', path.join(folder, 'data'));
    while ((await stated()) < rows) await setTimeout(5);
    run[end]();
    return run.ended;
  };
  await runUntil(1, 'kill');
  const killedAt = await stated();
  expect(killedAt).toBeGreaterThan(0);
  // What was on its way to the disk when the power went.
  await writeFile(`${pieces}.partial`, `${await readFile(`${pieces}.partial`, 'utf8')}12,half a ro`);
  const interrupted = await runUntil(killedAt + 1, 'interrupt');
  expect(interrupted.code).toBe(130);
  expect(interrupted.stderr).toContain('the same command goes on');
  const last = await predict(folder, table, '--out', pieces, '--json');
  const summary = JSON.parse(last.stdout);
  expect(summary).toMatchObject({ rows: 1500, failed: 0, head: { name: 'emoji', version: 1 } });
  expect(summary.resumedAt).toBeGreaterThan(killedAt);
  expect(await readFile(pieces, 'utf8')).toBe(await readFile(whole, 'utf8'));
  expect((await readdir(folder)).sort()).toEqual(['data', 'listings.csv', 'pieces.csv', 'whole.csv']);
});

it('refuses what would lose or mix rows, and says what to type', async () => {
  const folder = await emptyFolder();
  const table = path.join(folder, 'listings.csv');
  const out = path.join(folder, 'scored.csv');
  await writeFile(table, manyTexts(600));
  const run = startCommand('predict', table, '--out', out, '--data', path.join(folder, 'data'));
  while (!(await readdir(folder)).includes('scored.csv.partial.json')) await setTimeout(5);
  run.kill();
  await run.ended;
  await writeFile(table, manyTexts(3));
  const changed = await predict(folder, table, '--out', out);
  expect(changed).toMatchObject({ code: 1, stderr: expect.stringContaining('--restart') });
  expect(changed.stderr).toContain('begun with another input');
  expect(await predict(folder, table, '--out', out, '--restart')).toMatchObject({ code: 0 });
  expect(await rowsOf(out)).toHaveLength(3);
  const there = await predict(folder, table, '--out', out);
  expect(there).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
  expect(await predict(folder, table, '--out', out, '--force')).toMatchObject({ code: 0 });
  const again = await predict(folder, out, '--out', path.join(folder, 'again.csv'));
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('--prefix') });
  const toPipe = await predict(folder, table, '--out', '-');
  expect(toPipe.stdout).toBe(await readFile(out, 'utf8'));
  const misspelt = await predict(folder, table, '--out', path.join(folder, 'b.csv'), '--text-column', 'txt');
  expect(misspelt.stderr).toContain('did you mean "text"?');
  await writeFile(table, 'id,text\n1,"never closed\n2,cat\n');
  const unreadable = await predict(folder, table, '--out', path.join(folder, 'c.csv'));
  expect(unreadable).toMatchObject({ code: 1, stderr: expect.stringContaining('never closed') });
});

it('answers a folder of images, with the texts beside them, in order of path', async () => {
  const folder = await emptyFolder();
  const photos = path.join(folder, 'photos');
  await cp(path.join(fixtures, 'coffee.jpg'), path.join(photos, 'b', 'coffee.jpg'));
  await writeFile(path.join(photos, 'b', 'coffee.txt'), 'a cup of coffee\n');
  await cp(path.join(fixtures, 'coffee.jpg'), path.join(photos, 'a.jpg'));
  await writeFile(path.join(photos, 'c.gif'), 'GIF89a');
  const out = path.join(folder, 'scored.csv');
  expect(await predict(folder, photos, '--out', out)).toMatchObject({ code: 3 });
  const rows = await rowsOf(out);
  expect(rows.map(({ file_name, text }) => [file_name, text])).toEqual([
    ['a.jpg', ''],
    ['b/coffee.jpg', 'a cup of coffee'],
    ['c.gif', ''],
  ]);
  expect(rows[0]?.predicted_label).not.toBe('');
  expect(rows[2]?.error).toContain('incomplete or damaged');
});
