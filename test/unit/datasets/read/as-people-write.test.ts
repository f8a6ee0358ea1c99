import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { folderWith, image, images } from '../sample.ts';

const detailsOf = async (place: string) => (await checkDataset(place)).problems.map(({ detail }) => detail);

describe('a dataset as people have it', () => {
  it('names images by absolute paths, or leads out of its folder, on the person’s own machine alone', async () => {
    const elsewhere = await folderWith(await images());
    const rows = [
      `${elsewhere}/a.png,x`,
      `../${path.basename(elsewhere)}/b.png,x`,
      `${elsewhere}/c.png,y`,
      `${elsewhere}/d.png,y`,
    ];
    const folder = await folderWith({ 'photos.csv': `path,label\n${rows.join('\n')}\n` });
    expect((await readDataset(folder, { followLinks: true })).examples).toHaveLength(4);
    expect(await detailsOf(folder)).toContainEqual(expect.stringContaining('is an absolute path'));
  });

  it('is a table of any name beside one folder of images', async () => {
    const rows = ['images/a.png,x', 'images/b.png,x', 'images/c.png,y', 'images/d.png,y'];
    const files = {
      ...(await images('images/')),
      'README.md': '',
      'listings.csv': `image_path,label\n${rows.join('\n')}\n`,
    };
    const { examples, labels } = await readDataset(await folderWith(files));
    expect([examples.length, labels]).toEqual([4, ['x', 'y']]);
  });

  it('has classes in two folders beside a table that is about something else', async () => {
    const files = {
      ...(await images('cat/')),
      'dog/e.png': await image(7),
      'dog/f.png': await image(8),
      'prices.csv': 'a,b\n1,2\n',
    };
    const { labels, notes } = await readDataset(await folderWith(files));
    expect(labels).toEqual(['cat', 'dog']);
    expect(notes).toContain('not used: prices.csv');
  });

  it('has lists of labels in CSV, as pandas writes them', async () => {
    const rows = ["one,\"['red', 'big']\"", 'two,"[""red""]"', 'three,[]', 'four,big|red'];
    const folder = await folderWith({ 'tags.csv': `text,label\n${rows.join('\n')}\n` });
    const { examples } = await readDataset(folder, { target: 'multi' });
    expect(examples.map(({ truth }) => truth)).toEqual([
      { classes: ['big', 'red'] },
      { classes: ['red'] },
      { classes: [] },
      { classes: ['big', 'red'] },
    ]);
    expect((await checkDataset(folder)).notes).toContainEqual(expect.stringContaining('add --target multi'));
  });

  it('has decimal commas, as half of Europe writes numbers', async () => {
    const rows = ['eins;12,5;1.234,50', 'zwei;950;2.000', 'drei;;17', 'vier;7,25;3,99'];
    const folder = await folderWith({ 'preise.csv': `text;gewicht;preis\n${rows.join('\n')}\n` });
    const options = { labelColumn: 'preis', target: 'regression', tableColumns: ['gewicht'] } as const;
    const { dataset, notes, problems } = await checkDataset(folder, options);
    expect(problems).toEqual([]);
    expect(dataset?.examples.map(({ content, truth }) => [content.table, truth])).toEqual([
      [{ gewicht: 12.5 }, { values: [1234.5] }],
      [{ gewicht: 950 }, { values: [2000] }],
      [undefined, { values: [17] }],
      [{ gewicht: 7.25 }, { values: [3.99] }],
    ]);
    expect(notes).toContain(
      'preise.csv: read the numbers of "preis" with a decimal comma: "1.234,50" is 1234.50',
    );
  });

  it('has marks between thousands, and numbers that may be two: these are refused', async () => {
    const folder = await folderWith({
      'prices.csv': 'text,price\na,"1,234.50"\nb,950\nc,"2,000"\nd,3\n',
      'either.csv': 'text,price\na,"1,234"\nb,950\nc,"2,000"\nd,3\n',
    });
    const options = { labelColumn: 'price', target: 'regression' } as const;
    const { examples } = await readDataset(path.join(folder, 'prices.csv'), options);
    expect(examples.map(({ truth }) => truth)).toEqual(
      [1234.5, 950, 2000, 3].map((value) => ({ values: [value] })),
    );
    const { problems } = await checkDataset(path.join(folder, 'either.csv'), options);
    expect(problems).toEqual([
      {
        at: 'either.csv',
        detail:
          'the numbers of "price" can be read in two ways: "1,234" is 1.234 or 1234; write them with a point and without a mark between thousands',
      },
    ]);
  });

  it('has the addresses of images, which are read where they are downloaded, and else hinted at', async () => {
    const rows = ['a,https://a.example/1.png,x', 'b,https://a.example/2.png,x', 'c,,y', 'd,,y'];
    const folder = await folderWith({ 'list.csv': `text,image_url,label\n${rows.join('\n')}\n` });
    expect((await checkDataset(folder)).notes).toContain(
      'list.csv: "image_url" may have the address of an image; --fetch-images of the command line downloads it',
    );
    const file = path.join(await folderWith({ 'a.png': await image(3) }), 'a.png');
    const fetched = await checkDataset(folder, { fetchFile: async () => ({ path: file }) });
    expect(fetched.guesses).toEqual([{ file: 'list.csv', role: 'image', column: 'image_url' }]);
    expect(fetched.dataset?.examples.filter(({ content }) => content.image)).toHaveLength(2);
  });

  it('is told what to write instead of what is not read', async () => {
    const columns = { text: { 0: 'a', 1: 'b' }, label: { 0: 'x', 1: 'y' } };
    const json = await folderWith({ 'frame.json': JSON.stringify(columns) });
    expect(await detailsOf(path.join(json, 'frame.json'))).toEqual([
      'it has columns instead of rows; write it with orient="records"',
    ]);
    const disk = await folderWith({
      'dataset_dict.json': '{}',
      'train/data-00000-of-00001.arrow': '',
      'train/state.json': '{}',
    });
    expect(await detailsOf(disk)).toContain('what save_to_disk writes is not read; write it with to_parquet');
  });
});

it('shows an image that stood in a table by its name alone', async () => {
  const folder = await folderWith({});
  const inlineFolder = async () => path.join(folder, 'deep/images');
  const { preview } = await checkDataset(path.resolve('test/fixtures/tables/test-00000-of-00001.parquet'), {
    inlineFolder,
  });
  expect(preview[0]?.content.image).toMatch(/^[0-9a-f]{64}$/);
});
