import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { tryImport } from '../../../../src/datasets/import/import.ts';
import { tableLimits } from '../../../../src/datasets/read/table-row.ts';
import { readLines, readText } from '../../../../src/datasets/read/text-stream.ts';
import type { TandemError } from '../../../../src/errors.ts';
import { folderWith, image, temporaryFolder } from '../../../unit/datasets/sample.ts';

const problemsOf = async (files: Record<string, string | Uint8Array>, options = {}) => {
  const { problems } = await checkDataset(await folderWith(files), options);
  return problems.map(({ at, detail }) => `${at}: ${detail}`);
};

describe('a table that holds its images', () => {
  it('is read, from base64 and data URLs, in CSV and JSONL, whatever the file is called', async () => {
    const images = await Promise.all([0, 1, 2, 3].map(image));
    const values = images.map((bytes, index) =>
      index % 2 ? bytes.toString('base64') : `data:image/png;base64,${bytes.toString('base64')}`,
    );
    const labels = ['x', 'x', 'y', 'y'];
    const csv = values.map((value, index) => `"${value}",${labels[index]}`).join('\n');
    const json = values.map((image, index) => JSON.stringify({ file_name: image, label: labels[index] }));
    const byFile = await folderWith({
      ...Object.fromEntries(images.map((bytes, index) => [`${index}.png`, bytes])),
      'metadata.csv': `file_name,label\n${labels.map((label, index) => `${index}.png,${label}`).join('\n')}`,
    });
    const expected = (await readDataset(byFile)).hash;
    const tables = { 'pets.csv': `file_name,label\n${csv}`, 'pets.jsonl': json.join('\n') };
    for (const [name, table] of Object.entries(tables)) {
      const inlineFolder = join(await temporaryFolder(), 'images');
      expect(
        (await readDataset(await folderWith({ [name]: table }), { inlineFolder: async () => inlineFolder }))
          .hash,
      ).toBe(expected);
    }
  });

  it('is refused with each row that holds no image, and where nothing may be written', async () => {
    const inlineFolder = await temporaryFolder();
    const rows = ['"data:image/png;base64,!!!!",x', '"data:text/plain,hello",x', `${'QUJD'.repeat(100)},x`];
    const table = { 'pets.csv': `file_name,label\n${rows.join('\n')}\n` };
    expect(await problemsOf(table, { inlineFolder: async () => inlineFolder })).toEqual(
      expect.arrayContaining([
        'pets.csv row 2: the image cannot be used: it is neither base64 nor a data URL',
        'pets.csv row 4: the image cannot be used: it is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image',
      ]),
    );
    expect((await problemsOf(table)).join('\n')).toContain('import the dataset, then train on it');
  });
});

describe('a table that is refused', () => {
  it('has 10,000 columns', async () => {
    const header = Array.from({ length: 10_000 }, (_, index) => `c${index}`).join(',');
    expect(await problemsOf({ 'metadata.csv': `${header}\n1\n` })).toContain(
      'metadata.csv: it has 10000 columns; 1000 are the limit',
    );
    const row = JSON.stringify(Object.fromEntries(header.split(',').map((column) => [column, 1])));
    expect(await problemsOf({ 'metadata.jsonl': row })).toContain(
      'metadata.jsonl row 1: there are more than 1000 columns; reading stopped there',
    );
  });

  it('has a value of a million characters', async () => {
    const table = `text,label\nshort,x\n${'long '.repeat(200_000)},x\n`;
    expect(await problemsOf({ 'metadata.csv': table })).toContain(
      'metadata.csv row 3: the value of "text" has 1000000 characters; 100000 are the limit',
    );
  });

  it('opens a quote and never closes it before a long rest', async () => {
    const table = `text,label\nfirst,x\n"never closed,x\n${'more,x\n'.repeat(300_000)}`;
    expect(await problemsOf({ 'metadata.csv': table })).toContain(
      'metadata.csv row 3: a quote that opens here is never closed; reading stopped there',
    );
  });

  it('leaves UTF-8 far into the file', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`text,label\n${'größe,x\n'.repeat(200_000)}`),
      Buffer.from('caf\xe9,x\n', 'latin1'),
    ]);
    expect(await problemsOf({ 'metadata.csv': bytes })).toContain(
      'metadata.csv row 200002: the text is not UTF-8; save the file as UTF-8',
    );
  });
});

it('finds an image that breaks off in its middle before anything starts', async () => {
  const whole = await image(3);
  const files = {
    'metadata.csv': 'file_name,label\na.png,x\nb.png,x\nc.png,y\nd.png,y\n',
    'a.png': whole,
    'b.png': whole.subarray(0, whole.length - 20),
    'c.png': await image(1),
    'd.png': await image(2),
  };
  expect(await problemsOf(files)).toEqual([
    'metadata.csv row 3: the image cannot be used: it is incomplete or damaged',
  ]);
});

it('counts what a dataset holds, rows with problems included', async () => {
  const { counts, dataset } = await checkDataset(
    await folderWith({
      'metadata.csv': 'file_name,text,label\na.png,one,x\na.png,,x\n,three,y\n,four,y\n,,y\n',
      'a.png': await image(1),
    }),
  );
  expect(dataset).toBeUndefined();
  expect(counts).toEqual({
    examples: 5,
    content: { image: { examples: 2, files: 1 }, text: { examples: 3 } },
    train: 0,
    test: 0,
    labels: [
      { label: 'y', examples: 3 },
      { label: 'x', examples: 2 },
    ],
  });
});

describe('any text', () => {
  it('is read as it was written, but for the mark at its start and its line ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.boolean(), async (written, marked) => {
        // A zero is refused; a lone surrogate cannot be written.
        const text = written.toWellFormed().replaceAll(/\0|\uFEFF/g, '');
        const folder = await folderWith({ 'a.txt': `${marked ? '\uFEFF' : ''}${text}` });
        const expected = text.replaceAll(/\r\n?/g, '\n');
        expect((await Array.fromAsync(readText(join(folder, 'a.txt')))).join('')).toBe(expected);
        expect(await Array.fromAsync(readLines(join(folder, 'a.txt'), Number.POSITIVE_INFINITY))).toEqual(
          expected.split('\n'),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('is whole where a character lies across two pieces of the file', async () => {
    for (const character of ['é', '猫', '🐈']) {
      const text = `${'x'.repeat(2 ** 20 - 1)}${character}\r\n${'y'.repeat(10)}`;
      const folder = await folderWith({ 'a.txt': text });
      expect(
        (await Array.fromAsync(readLines(join(folder, 'a.txt'), Number.POSITIVE_INFINITY))).map(
          (line) => line.length,
        ),
      ).toEqual([2 ** 20 - 1 + character.length, 10]);
    }
  });

  it('stops at a line that is too long, before all of it is read', async () => {
    const folder = await folderWith({ 'a.txt': `short\n${'x'.repeat(5 * 2 ** 20)}\nnext` });
    const lines = readLines(join(folder, 'a.txt'), 2 ** 20);
    expect((await lines.next()).value).toBe('short');
    await expect(lines.next()).rejects.toMatchObject({ row: 2, message: expect.stringContaining('longer') });
  });

  it('in a CSV file gives its values back', async () => {
    const anyValue = fc.string({
      unit: fc.constantFrom('a', 'ö', '猫', '"', ',', ';', '\n', ' '),
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyValue, { minLength: 4, maxLength: 12 }), async (values) => {
        const quoted = values.map(
          (value, index) => `"${value.replaceAll('"', '""')}",${index % 2 ? 'x' : 'y'}`,
        );
        const folder = await folderWith({ 'metadata.csv': `text,label\n${quoted.join('\n')}\n` });
        const expected = values.map((value) => value.trim());
        const outcome = await readDataset(folder).catch((error: TandemError) => error);
        if ('examples' in outcome)
          expect(outcome.examples.map(({ content }) => content.text ?? '')).toEqual(expected);
        else
          expect(outcome.items.every(({ detail }) => /neither an image nor a text/.test(detail))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a table that cannot be read', () => {
  it.each<[string, Uint8Array | string, string]>([
    [
      'UTF-16 with half of a pair',
      Buffer.from('\uFEFFtext,label\na,x\n\ud83d,y\n', 'utf16le'),
      'pets.csv row 1: the text is not valid UTF-16; save the file as UTF-8',
    ],
    [
      'UTF-32',
      Buffer.from('fffe0000740000006500000078000000', 'hex'),
      'pets.csv: the file is UTF-32; save it as UTF-8',
    ],
    ['a zero byte', 'text,label\na,x\nb\0c,y\n', 'pets.csv row 3: a zero byte stands in the text; remove it'],
    [
      'a byte that Windows-1252 has no letter for',
      Buffer.from('text,label\na,x\ncaf\x8f,y\n', 'latin1'),
      'pets.csv row 3: the text is neither UTF-8 nor Windows-1252; save the file as UTF-8',
    ],
    [
      'too many columns',
      `${Array.from({ length: 1001 }, (_, index) => `c${index}`)}\n1\n`,
      'pets.csv: it has 1001 columns; 1000 are the limit',
    ],
    [
      'a quote that opens in its first row',
      'text,label\n"a,x\nb,y\n',
      'pets.csv row 2: a quote that opens here is never closed; reading stopped there',
    ],
    ['nothing in it', '', 'pets.csv: it has no rows'],
    ['its names alone', 'text,label\n', 'pets: there are no examples'],
  ])('has one problem, and its place: %s', async (_what, content, problem) => {
    const file = join(await folderWith({ upload: content }), 'upload');
    const workspace = await temporaryFolder();
    const { problems } = await tryImport({ file, fileName: 'pets.csv' }, { workspace });
    expect(problems.map(({ at, detail }) => `${at}: ${detail}`)).toEqual([problem]);
    expect(await readdir(workspace)).toEqual([]);
  });

  it('has more rows than the limit', async () => {
    const { rows } = tableLimits;
    onTestFinished(() => void Object.assign(tableLimits, { rows }));
    tableLimits.rows = 4;
    const lines = ['a,x', 'b,y', 'c,x', 'd,y', 'e,x', 'f,y'];
    const problem = 'there are more than 4 rows; split it into several datasets';
    expect(await problemsOf({ 'metadata.csv': `text,label\n${lines.join('\n')}\n` })).toEqual([
      `metadata.csv row 6: ${problem}`,
    ]);
    const json = lines.map((line) => JSON.stringify({ text: line[0], label: line[2] }));
    expect(await problemsOf({ 'metadata.jsonl': json.join('\n') })).toEqual([
      `metadata.jsonl row 5: ${problem}`,
    ]);
    expect(await problemsOf({ 'metadata.csv': `text,label\n${lines.slice(0, 4).join('\n')}\n` })).toEqual([]);
  });
});

it('is read where it has far more rows than a function takes arguments', async () => {
  const rows = Array.from({ length: 150_000 }, (_, row) => `text ${row},${row % 2 ? 'x' : 'y'}\n`);
  const { counts, problems } = await checkDataset(
    await folderWith({ 'metadata.csv': `text,label\n${rows.join('')}` }),
  );
  expect(problems).toEqual([]);
  expect(counts.examples).toBe(150_000);
});
