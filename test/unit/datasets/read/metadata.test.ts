import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { chooseColumns } from '../../../../src/datasets/read/choose-columns.ts';
import type { TandemError } from '../../../../src/errors.ts';
import { contentColumns } from '../../../../src/modalities/content-columns.ts';
import { folderWith, image, images, temporaryFolder } from '../sample.ts';

const good = 'file_name,text,label\na.png,An ant,bug\nb.png,,bug\n,A cat,pet\nd.png,"A dog, asleep",pet\n';

/** The problems of a dataset, as `at: detail`. */
async function problemsOf(files: Record<string, string | Uint8Array>, options = {}): Promise<string[]> {
  const error = await readDataset(await folderWith(files), options).catch((error: TandemError) => error);
  expect(error).toMatchObject({ code: 'invalid-dataset' });
  return (error as TandemError).items.map(({ at, detail }) => `${at}: ${detail}`);
}

const withImages = async (metadata: string | Uint8Array): Promise<Record<string, string | Uint8Array>> => ({
  ...(await images()),
  'metadata.csv': metadata,
});

describe('a folder with metadata.csv', () => {
  it('gives images with texts, images alone and texts alone', async () => {
    const folder = await folderWith(await withImages(good));
    const { labels, examples, notes } = await readDataset(folder);
    const imageAt = (name: string) => ({
      path: join(folder, name),
      sha256: expect.any(String),
      perceptualHash: expect.any(String),
    });
    expect(labels).toEqual(['bug', 'pet']);
    expect(notes).toEqual([]);
    expect(examples).toEqual([
      {
        row: 2,
        content: { image: imageAt('a.png'), text: 'An ant' },
        truth: { class: 'bug' },
      },
      {
        row: 3,
        content: { image: imageAt('b.png') },
        truth: { class: 'bug' },
      },
      { row: 4, content: { text: 'A cat' }, truth: { class: 'pet' } },
      {
        row: 5,
        content: { image: imageAt('d.png'), text: 'A dog, asleep' },
        truth: { class: 'pet' },
      },
    ]);
  });

  it('may have a byte order mark, Windows line ends, backslashes, empty lines and values over several lines', async () => {
    const text =
      '\uFEFFfile_name,text,label\r\n./a.png,"one\r\ntwo",x\r\n\r\nsub\\b.png,"say ""hi""",x\r\n,t,y\r\n,u,y';
    const folder = await folderWith({
      ...(await images()),
      ...(await images('sub/')),
      'metadata.csv': text,
    });
    const { examples } = await readDataset(folder);
    expect(examples.map(({ row, content }) => [row, content.text])).toEqual([
      [2, 'one\ntwo'],
      [5, 'say "hi"'],
      [6, 't'],
      [7, 'u'],
    ]);
  });

  it.each([';', '\t'])('may separate its columns by %j', async (separator) => {
    const metadata = 'text|label\nOne, two|x\nb|x\nc|y\nd|y\n'.replaceAll('|', separator);
    const { examples } = await readDataset(await folderWith({ 'metadata.csv': metadata }));
    expect(examples[0]).toEqual({ row: 2, content: { text: 'One, two' }, truth: { class: 'x' } });
  });

  it('may name its columns otherwise', async () => {
    const metadata = 'image,caption,kind\na.png,one,x\nb.png,two,x\nc.png,three,y\nd.png,four,y\n';
    const folder = await folderWith(await withImages(metadata));
    const options = { imageColumn: 'image', textColumn: 'caption', labelColumn: 'kind' };
    expect((await readDataset(folder, options)).examples[3]).toMatchObject({
      content: { text: 'four' },
      truth: { class: 'y' },
    });
  });

  it('may say which rows are for testing, in a column or by the folder of the image', async () => {
    const files = { ...(await images()), ...(await images('test/')) };
    const metadata =
      'file_name,label,split\na.png,x,train\ntest/b.png,x,\nc.png,y,test\ntest/d.png,y,train\n';
    const { examples } = await readDataset(await folderWith({ ...files, 'metadata.csv': metadata }));
    expect(examples.map(({ split }) => split)).toEqual(['train', 'test', 'test', 'train']);
  });

  it('is told which columns are not used', async () => {
    const metadata = 'text,label,licence,source\na,x,,\nb,x,,\nc,y,,\nd,y,,\n';
    const { notes } = await readDataset(await folderWith({ 'metadata.csv': metadata }));
    expect(notes).toEqual(['metadata.csv: not used: columns "licence", "source"']);
  });
});

describe('a folder with metadata.jsonl', () => {
  it('gives the same as one with metadata.csv, labels that are numbers included', async () => {
    const lines = [
      { file_name: 'a.png', text: 'An ant', label: 0 },
      { file_name: 'b.png', text: null, label: 0 },
      { text: 'A cat', label: 1 },
      { file_name: 'd.png', text: 'A dog, asleep', label: 1 },
    ];
    const jsonLines = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
    const read = await readDataset(await folderWith({ ...(await images()), 'metadata.jsonl': jsonLines }));
    const other = good.replaceAll('bug', '0').replaceAll('pet', '1');
    expect(read.hash).toBe((await readDataset(await folderWith(await withImages(other)))).hash);
    expect(read.labels).toEqual(['0', '1']);
  });

  it('is refused with each line that is no object or holds no plain values', async () => {
    const lines = [
      '{"text":"a","label":"x"}',
      '{"text":',
      '[]',
      '{"text":["b"],"label":"x"}',
      '{"text":"c","label":"y"}',
    ];
    expect(await problemsOf({ 'metadata.jsonl': lines.join('\n') })).toEqual([
      expect.stringMatching(/^metadata.jsonl row 1: the only example of the label "x"/),
      expect.stringMatching(/^metadata.jsonl row 2: .*JSON/),
      'metadata.jsonl row 3: the line is not a JSON object',
      'metadata.jsonl row 4: the value of "text" is neither text nor a number',
      expect.stringMatching(/^metadata.jsonl row 5: the only example of the label "y"/),
    ]);
  });
});

describe('a dataset that cannot be used', () => {
  it('is refused with every problem and its row', async () => {
    const rows = [
      'absent.png,,bug',
      '../outside.png,,bug',
      '/etc/hostname,,bug',
      'C:\\cat.png,,bug',
      ',,bug',
      'a.png,An ant,',
      'sub,,bug',
      'b.png,,pet',
      'b.png,again,pet',
      'notes.txt,,pet',
      'drawing.svg,,pet',
      'one.png,,pet',
      'c.png,,"a lone label"',
      'd.png,,pet,too,many',
    ];
    const files = {
      ...(await images()),
      'sub/inner.png': await image(9),
      'notes.txt': 'no image',
      'drawing.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'one.png': (await image(1)).subarray(0, 20),
      'metadata.csv': `file_name,text,label\n${rows.join('\n')}\n`,
    };
    expect(await problemsOf(files)).toEqual([
      'metadata.csv row 2: there is no file "absent.png"',
      'metadata.csv row 3: "../outside.png" leads out of the dataset\'s folder',
      'metadata.csv row 4: "/etc/hostname" is an absolute path; name files relative to the dataset\'s folder',
      'metadata.csv row 5: "C:\\\\cat.png" is an absolute path; name files relative to the dataset\'s folder',
      'metadata.csv row 6: neither an image nor a text',
      'metadata.csv row 7: no label: "label" is empty',
      'metadata.csv row 8: "sub" is not a file',
      'metadata.csv row 11: the image cannot be used: it is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image',
      'metadata.csv row 12: the image cannot be used: it is an SVG image; convert it to JPEG or PNG',
      'metadata.csv row 13: the image cannot be used: it is incomplete or damaged',
      'metadata.csv row 14: the only example of the label "a lone label"; a label needs at least 2 (--rare-labels drop leaves it out, keep trains on it; over HTTP, rareLabels)',
      'metadata.csv row 15: 5 values for 3 columns; put quotes around a text with commas',
    ]);
  });

  it('is refused where a link leads out of its folder', async () => {
    const outside = await folderWith({ 'secret.png': await image(1) });
    const folder = await folderWith(await withImages(good.replace('a.png', 'link.png')));
    await symlink(join(outside, 'secret.png'), join(folder, 'link.png'));
    await expect(readDataset(folder)).rejects.toMatchObject({
      items: [
        { at: 'metadata.csv row 2', detail: '"link.png" is a link that leads out of the dataset\'s folder' },
      ],
    });
  });

  it('lists 100 problems and counts the rest', async () => {
    const metadata = `text,label\n${'some text,\n'.repeat(250)}one,x\ntwo,x\nthree,y\nfour,y\n`;
    const error = await readDataset(await folderWith({ 'metadata.csv': metadata })).catch((error) => error);
    expect(error.items).toHaveLength(100);
    expect(error.message).toMatch(/has 250 problems; the first 100 are listed, 150 more are not$/);
  });

  it.each<[string, string, string, object?]>([
    ['has one label', 'text,label\na,x\nb,x\n', ': every example has the label "x"; two are needed'],
    ['has a header only', 'text,label\n', ': there are no examples'],
    ['has an empty file', '', 'metadata.csv: it has no rows'],
    [
      'has no label column',
      'text,kind\na,x\n',
      'metadata.csv: there is no column "label"; the columns are "text", "kind"',
    ],
    [
      'has neither images nor texts',
      'label\nx\n',
      'metadata.csv: there is neither a column "file_name" nor a column "text"',
    ],
    [
      'misspells a column',
      'text,lable\na,x\n',
      'metadata.csv: the column "lable" is not read; did you mean "label"? Rename it, or name it with --label-column',
    ],
    [
      'misspells an optional column',
      'filname,text,label\n',
      'the column "filname" is not read; did you mean "file_name"?',
    ],
    [
      'has another label column than the one that is asked for',
      'text,kind\na,x\n',
      'metadata.csv: there is no column "kinds"; did you mean "kind"?',
      { labelColumn: 'kinds' },
    ],
    [
      'lacks the column of images that is asked for',
      'text,label\na,x\nb,x\nc,y\nd,y\n',
      'metadata.csv: there is no column "photo"; the columns are "text", "label"',
      { imageColumn: 'photo' },
    ],
    [
      'lacks the split column that is asked for',
      'text,label\na,x\nb,x\nc,y\nd,y\n',
      'metadata.csv: there is no column "part"; the columns are "text", "label"',
      { splitColumn: 'part' },
    ],
    [
      'lacks a column that is to be left out',
      'text,label\na,x\nb,x\nc,y\nd,y\n',
      'metadata.csv: there is no column "notes"; the columns are "text", "label"',
      { ignoredColumns: ['notes'] },
    ],
    [
      'has two columns that may be the text',
      'title,description,label\na,b,x\n',
      'metadata.csv: which column has the text: "title" or "description"? Name it with --text-column (over HTTP, textColumn)',
    ],
    ['has a column twice', 'text,label,text\na,x,b\n', 'metadata.csv: the column "text" stands there twice'],
    [
      'has a third split',
      'text,label,split\na,x,val\n',
      'row 2: the split "val" is neither "train" nor "test"',
    ],
    [
      'never closes a quote',
      'text,label\na,x\n\n"b,x\nc,y\n',
      'metadata.csv row 4: a quote that opens here is never closed',
    ],
    [
      'closes a quote too late',
      'text,label\n"a,x\n"b",x\nc,y\n',
      'metadata.csv row 2: a quote closes in the middle of a value (line 3)',
    ],
    [
      'has a quote in a value',
      'text,label\na "b" c,x\n',
      'metadata.csv row 2: a quote stands in the middle of a value',
    ],
  ])('%s', async (_, metadata, problem, options) => {
    expect((await problemsOf({ 'metadata.csv': metadata }, options)).join('\n')).toContain(problem);
  });

  it('only tests a label', async () => {
    const metadata = 'text,label,split\na,x,train\nb,x,\nc,y,test\nd,y,test\n';
    expect(await problemsOf({ 'metadata.csv': metadata })).toEqual([
      'label "y": all its examples are marked for testing: there is none to learn from',
    ]);
  });

  it('has two lists of examples', async () => {
    const files = { 'metadata.csv': good, 'metadata.jsonl': '{}' };
    expect(await problemsOf(files)).toContain(
      'metadata.csv and metadata.jsonl: two lists of examples; keep one of them',
    );
  });

  it('is not there, or is no dataset', async () => {
    const empty = await temporaryFolder();
    await expect(readDataset(join(empty, 'absent'))).rejects.toMatchObject({ code: 'unknown-dataset' });
    for (const folder of [empty, await folderWith({ 'readme.md': '' })])
      await expect(readDataset(folder)).rejects.toMatchObject({
        code: 'invalid-dataset',
        message: expect.stringContaining('neither a metadata.csv, a metadata.jsonl nor a folder per class'),
      });
  });
});

describe('the hash of a dataset', () => {
  it('follows the content and not the place or the names of the images', async () => {
    const hashOf = async (files: Record<string, string | Uint8Array>) =>
      (await readDataset(await folderWith(files))).hash;
    const files = await withImages(good);
    const hash = await hashOf(files);
    const { 'a.png': first, ...others } = await images();
    expect(await hashOf({ ...others, 'z.png': first, 'metadata.csv': good.replace('a.png', 'z.png') })).toBe(
      hash,
    );
    expect(await hashOf({ ...files, 'metadata.csv': good.replace('An ant', 'An aunt') })).not.toBe(hash);
    expect(await hashOf({ ...files, 'metadata.csv': good.replaceAll('pet', 'pets') })).not.toBe(hash);
    expect(await hashOf({ ...files, 'a.png': await image(77) })).not.toBe(hash);
  });
});

describe('the notes on a dataset', () => {
  it('count rows that repeat others, and those that contradict them', async () => {
    const metadata = 'text,label\na,x\na,x\na,x\nb,x\nb,y\nc,y\nc,y\n';
    const { notes } = await readDataset(await folderWith({ 'metadata.csv': metadata }));
    expect(notes).toEqual([
      '3 examples repeat an earlier one, label included, such as metadata.csv row 3 and metadata.csv row 2',
      'a group of examples (2 examples) with the same content but different labels, such as metadata.csv row 5 and metadata.csv row 6',
    ]);
  });

  it('tell of the same content with different labels or on both sides', async () => {
    const metadata = 'text,label,split\na,x,\nb,x,train\na,y,\nc,y,\nb,x,test\n';
    const { notes } = await readDataset(await folderWith({ 'metadata.csv': metadata }));
    expect(notes).toEqual([
      '1 example repeats an earlier one, label included, such as metadata.csv row 6 and metadata.csv row 3',
      'a group of examples (2 examples) with the same content but different labels, such as metadata.csv row 2 and metadata.csv row 4',
      'a group of examples with the same content in both train and test: the test will look too good',
    ]);
  });
});

describe('columns under other names', () => {
  it('are found whatever the case, read, and told', async () => {
    const metadata =
      'Photo,Caption,Class,SPLIT\na.png,one,x,train\nb.png,two,x,\nc.png,three,y,\nd.png,four,y,test\n';
    const { dataset, guesses, notes } = await checkDataset(await folderWith(await withImages(metadata)));
    expect(dataset?.examples[3]).toMatchObject({
      content: { text: 'four', image: { path: expect.stringMatching(/d\.png$/) } },
      truth: { class: 'y' },
      split: 'test',
    });
    expect(guesses).toEqual([
      { file: 'metadata.csv', role: 'image', column: 'Photo' },
      { file: 'metadata.csv', role: 'text', column: 'Caption' },
      { file: 'metadata.csv', role: 'label', column: 'Class' },
      { file: 'metadata.csv', role: 'split', column: 'SPLIT' },
    ]);
    expect(notes).toEqual([
      'metadata.csv: read "Photo" as the image, "Caption" as the text, "Class" as the label, "SPLIT" as the split; to read another column, name it with --image-column, --text-column, --label-column, --split-column',
    ]);
  });

  it('never leave images out: a column `image` is read, or a problem', async () => {
    const metadata = 'image,text,label\nabsent.png,one,x\nb.png,two,x\nc.png,three,y\nd.png,four,y\n';
    expect(await problemsOf(await withImages(metadata))).toEqual([
      'metadata.csv row 2: there is no file "absent.png"',
    ]);
  });

  it('are left alone where they are to be, or where the default one is there', async () => {
    const metadata = 'path,text,caption,label\n/x,one,,x\n/x,two,,x\n/x,three,,y\n/x,four,,y\n';
    const options = { ignoredColumns: ['path'] };
    const { dataset, guesses, notes } = await checkDataset(
      await folderWith({ 'metadata.csv': metadata }),
      options,
    );
    expect(dataset?.examples[0]?.content).toEqual({ text: 'one' });
    expect(guesses).toEqual([]);
    expect(notes).toEqual(['metadata.csv: not used: column "caption"']);
  });

  it('are not read twice where a default name is used for something else, or is to be left out', async () => {
    const metadata = 'file_name,text,caption\n1,a,b\n2,c,d\n3,e,f\n4,g,h\n';
    const folder = await folderWith({ 'metadata.csv': metadata });
    const options = { labelColumn: 'file_name', ignoredColumns: ['text'], target: 'regression' } as const;
    const { examples, labels } = await readDataset(folder, options);
    expect(labels).toEqual(['file_name']);
    expect(examples[0]).toEqual({ row: 2, content: { text: 'b' }, truth: expect.anything() });
  });

  it('name the numbers of a head', async () => {
    const metadata = 'text,Class\na,1\nb,2\nc,3\nd,4\n';
    const folder = await folderWith({ 'metadata.csv': metadata });
    expect((await readDataset(folder, { target: 'regression' })).labels).toEqual(['Class']);
  });

  it('are found in the first rows of JSON lines, and asked for where they come later', async () => {
    const rows = Array.from({ length: 120 }, (_, row) => ({
      text: `text ${row}`,
      Category: row % 2 ? 'x' : 'y',
      ...(row === 110 && { image: 'a.png' }),
    }));
    const lines = (own: object[]) => own.map((row) => JSON.stringify(row)).join('\n');
    const { guesses } = await checkDataset(await folderWith({ 'metadata.jsonl': lines(rows.slice(0, 50)) }));
    expect(guesses).toEqual([{ file: 'metadata.jsonl', role: 'label', column: 'Category' }]);
    expect(await problemsOf({ ...(await images()), 'metadata.jsonl': lines(rows) })).toEqual([
      'metadata.jsonl: the column "image" is not in the first rows; name it with --image-column (over HTTP, imageColumn) to read it as the image',
    ]);
  });

  it('never give one column two roles, nor hang on any set of names', () => {
    const name = fc.constantFrom(
      'file_name',
      'image',
      'Path',
      'text',
      'TITLE',
      'label',
      'Class',
      'split',
      'x',
    );
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.option(name, { nil: undefined }), (columns, labelColumn) => {
        const named = new Set(labelColumn === undefined ? [] : ['labelColumn']);
        const asked = { ...contentColumns, target: 'single', labelSeparator: '|' } as const;
        const { names, guesses } = chooseColumns(
          { ...asked, labelColumn: labelColumn ?? 'label' },
          named,
          columns,
        );
        const found = guesses.map(({ column }) => column);
        expect(new Set(found).size).toBe(found.length);
        expect(found).not.toContain(labelColumn);
        for (const column of found) expect(columns).toContain(column);
        for (const { role, column } of guesses) expect(names[`${role}Column`]).toBe(column);
      }),
    );
  });
});
