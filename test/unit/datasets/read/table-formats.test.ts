import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { readJsonArray } from '../../../../src/datasets/read/json-array.ts';
import { tableLimits } from '../../../../src/datasets/read/table-row.ts';
import { readText } from '../../../../src/datasets/read/text-stream.ts';
import { folderWith, image, images } from '../sample.ts';

const csv = 'file_name,text,label\na.png,An ant,bug\nb.png,,bug\n,A cat,pet\nd.png,"A dog, asleep",pet\n';
const items = [
  { file_name: 'a.png', text: 'An ant', label: 'bug' },
  { file_name: 'b.png', text: null, label: 'bug' },
  { text: 'A cat', label: 'pet' },
  { file_name: 'd.png', text: 'A dog, asleep', label: 'pet' },
];

const problemsOf = async (name: string, content: string | Uint8Array) => {
  const { problems } = await checkDataset(join(await folderWith({ [name]: content }), name));
  return problems.map(({ at, detail }) => `${at}: ${detail}`);
};

describe('a table that is named by its path', () => {
  it.each<[string, string | Uint8Array]>([
    ['listings.csv', csv],
    ['listings.TSV', csv.replaceAll(',', '\t').replace('"A dog\t asleep"', '"A dog, asleep"')],
    ['semicolons.csv', `sep=;\r\n${csv.replaceAll(',', ';').replace('"A dog; asleep"', 'A dog, asleep')}`],
    ['listings.jsonl', items.map((item) => JSON.stringify(item)).join('\n')],
    ['listings.json', JSON.stringify(items, undefined, 2)],
    ['lines.json', items.map((item) => JSON.stringify(item)).join('\n')],
    ['wide.csv', Buffer.from(`\uFEFF${csv}`, 'utf16le')],
    ['wider.csv', Buffer.from(`\uFEFF${csv}`, 'utf16le').swap16()],
    ['wide.json', Buffer.from(`\uFEFF${JSON.stringify(items)}`, 'utf16le')],
  ])('is read with the images beside it, whatever else is there: %s', async (name, content) => {
    const folder = await folderWith({ ...(await images()), 'other.csv': 'x', [name]: content });
    const usual = await folderWith({ ...(await images()), 'metadata.csv': csv });
    const dataset = await readDataset(join(folder, name));
    expect(dataset.hash).toBe((await readDataset(usual)).hash);
    expect(dataset.name).toBe(name.split('.')[0]);
  });

  it('says which row is bad, and numbers rows from the first line of the file', async () => {
    const rows = 'sep=;\nimage;label\na.png;x\n';
    expect(await problemsOf('t.csv', rows)).toContain('t.csv row 3: there is no file "a.png"');
    const problems = await problemsOf('t.json', '[{"image":"a.png","label":"x"},[1]]');
    expect(problems).toContain('t.json row 1: there is no file "a.png"');
    expect(problems).toContain('t.json row 2: the item of the array is not a JSON object');
  });

  it('is told apart from what is no table', async () => {
    const folder = await folderWith({ 'notes.md': '' });
    await expect(readDataset(join(folder, 'notes.md'))).rejects.toMatchObject({
      code: 'unknown-dataset',
      message: expect.stringContaining('.csv, .tsv, .jsonl, .ndjson, .json'),
    });
  });
});

describe('a table that is not UTF-8', () => {
  it('is read as Windows-1252, and that is said', async () => {
    const text = 'text,label\na café for 5 \x80,x\nsmørrebrød,x\nplain,y\nolé,y\n';
    const folder = await folderWith({ 'metadata.csv': Buffer.from(text, 'latin1') });
    const { examples, notes } = await readDataset(folder);
    expect(examples.map(({ content }) => content.text)).toEqual([
      'a café for 5 €',
      'smørrebrød',
      'plain',
      'olé',
    ]);
    expect(notes).toContain('metadata.csv: read as Windows-1252, since it is not UTF-8');
  });

  it.each([
    [
      'mixes it with UTF-8',
      Buffer.concat([Buffer.from('text,label\ngröße,x\n'), Buffer.from('café,x\n', 'latin1')]),
      3,
    ],
    [
      'is in another alphabet',
      Buffer.from('text,label\n\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0,x\n', 'latin1'),
      2,
    ],
    ['has bytes that stand for nothing', Buffer.from('text,label\na long plain text \x81,x\n', 'latin1'), 2],
  ])('is refused where it %s', async (_, bytes, row) => {
    expect((await problemsOf('t.csv', bytes))[0]).toMatch(
      new RegExp(`^t.csv row ${row}: the text is n.*; save the file as UTF-8$`),
    );
  });

  it('gives any text back that it can hold, in pieces of any size', async () => {
    const letters = fc.string({
      unit: fc.constantFrom('a', 'B', ' ', ',', '\n', 'é', 'ß', 'Ö'),
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(letters, async (drawn) => {
        // Mostly ASCII, as texts in such an alphabet are.
        const text = `a plain text of many words ${drawn}`.slice(0, 40);
        const windows = Buffer.from(text, 'latin1');
        const wide = Buffer.from(`\uFEFF${text}`, 'utf16le');
        const folder = await folderWith({ windows, wide });
        const read = async (name: string) =>
          (await Array.fromAsync(readText(join(folder, name), () => {}))).join('');
        expect(await read('windows')).toBe(text);
        expect(await read('wide')).toBe(text);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a JSON array', () => {
  const parse = async (text: string) => {
    const folder = await folderWith({ 'a.json': text });
    const rows = await Array.fromAsync(readJsonArray(join(folder, 'a.json')));
    return rows.map((row) => ('problem' in row ? row.problem : Object.fromEntries(row.values)));
  };

  it('gives its items back, whatever is in them and however it is indented', async () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    const item = fc.dictionary(fc.constantFrom('text', 'label', '[', ',', '}'), value);
    await fc.assert(
      fc.asyncProperty(fc.array(item), fc.nat(3), async (list, indent) => {
        expect(await parse(JSON.stringify(list, undefined, indent))).toEqual(
          JSON.parse(JSON.stringify(list)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['[{"a":1},]', 'reads an item that is none', [{ a: 1 }, expect.stringMatching(/JSON/)]],
    ['[1, {"a":1}]', 'reads an item that is no object', [expect.stringMatching(/object/), { a: 1 }]],
    ['[]', 'reads none', []],
  ])('%s %s', async (text, _, rows) => {
    expect(await parse(text)).toEqual(rows);
  });

  it.each([
    ['[{"a":1}', 'the array is never closed'],
    ['[{"a":1}] x', 'something follows'],
    ['"a"', 'no JSON array'],
    [' ', 'the file is empty'],
  ])('%s is refused: %s', async (text, problem) => {
    await expect(parse(text)).rejects.toThrow(problem);
  });

  it('stops at an item that is longer than a row', async () => {
    const { row } = tableLimits;
    onTestFinished(() => void Object.assign(tableLimits, { row }));
    tableLimits.row = 1000;
    await expect(parse(`[{"a":1},{"a":"${'x'.repeat(2000)}"}]`)).rejects.toThrow(
      'item 2 is longer than 1000',
    );
  });
});

describe('links', () => {
  it('may lead out of the folder where it is the person’s own', async () => {
    const outside = await folderWith({ 'secret.png': await image(1), 'cats/e.png': await image(2) });
    const folder = await folderWith({
      ...(await images()),
      'metadata.csv': csv.replace('a.png', 'link.png'),
    });
    await symlink(join(outside, 'secret.png'), join(folder, 'link.png'));
    expect((await readDataset(folder, { followLinks: true })).examples).toHaveLength(4);
    await expect(readDataset(folder)).rejects.toMatchObject({ code: 'invalid-dataset' });
    const classes = await folderWith({ ...(await images('dog/')), 'cat/f.png': await image(9) });
    await symlink(join(outside, 'cats'), join(classes, 'lion'));
    const { problems } = await checkDataset(classes, { followLinks: true, rareLabels: 'keep' });
    expect(problems).toEqual([]);
    expect((await checkDataset(classes, { rareLabels: 'keep' })).problems).toHaveLength(1);
  });
});
