import { describe, expect, it } from 'vitest';
import { checkDataset, hashExamples, readDataset } from '../../../../src/datasets/dataset.ts';
import { groupTwins } from '../../../../src/datasets/split/duplicates.ts';
import { splitRows } from '../../../../src/datasets/split/split-rows.ts';
import { formatStored, readStored } from '../../../../src/datasets/stored-example.ts';
import { folderWith, image, images } from '../sample.ts';

const rows = [
  'a.png|b.png,,one,x',
  'c.png,d.png,two,y',
  'e.png,,three,x',
  '"[""f.png""]",,four,y',
  ',,five,x',
];

async function photos() {
  const files = { ...(await images()), 'e.png': await image(8), 'f.png': await image(9) };
  return folderWith({ ...files, 'metadata.csv': `image,image_2,text,label\n${rows.join('\n')}\n` });
}

describe('a row with several images', () => {
  it('is an example of each, with its text and label, where that is asked for', async () => {
    const { examples, notes } = await readDataset(await photos(), { images: 'each' });
    expect(
      examples.map(({ row, content, truth, group }) => [
        row,
        content.image?.path.slice(-5),
        content.text,
        truth,
        group,
      ]),
    ).toEqual([
      [2, 'a.png', 'one', { class: 'x' }, 'metadata.csv row 2'],
      [2, 'b.png', 'one', { class: 'x' }, 'metadata.csv row 2'],
      [3, 'c.png', 'two', { class: 'y' }, 'metadata.csv row 3'],
      [3, 'd.png', 'two', { class: 'y' }, 'metadata.csv row 3'],
      [4, 'e.png', 'three', { class: 'x' }, undefined],
      [5, 'f.png', 'four', { class: 'y' }, undefined],
      [6, undefined, 'five', { class: 'x' }, undefined],
    ]);
    expect(notes.join()).not.toContain('not used');
  });

  it('is an example of its first by default, and further columns are not used', async () => {
    const { examples, notes } = await readDataset(await photos());
    expect(examples.map(({ content }) => content.image?.path.slice(-5))).toEqual([
      'a.png',
      'c.png',
      'e.png',
      'f.png',
      undefined,
    ]);
    expect(notes).toContain('metadata.csv: not used: column "image_2"');
  });

  it('loses an image that cannot be used, and no other', async () => {
    const files = {
      ...(await images()),
      'metadata.csv': 'image,label\na.png|gone.png,x\na.png,x\nb.png,x\nc.png,y\nd.png,y\n',
    };
    const { leftOut, dataset } = await checkDataset(await folderWith(files), {
      images: 'each',
      skipBadRows: true,
    });
    expect(leftOut).toEqual([{ at: 'metadata.csv row 2, file 2', detail: 'there is no file "gone.png"' }]);
    expect(dataset?.examples).toHaveLength(5);
    const [kept] = dataset?.examples ?? [];
    expect(kept).toMatchObject({ row: 2, group: 'metadata.csv row 2' });
  });

  it('is bad as a whole where its label is, which is said once', async () => {
    const files = {
      ...(await images()),
      'metadata.csv': 'image,label\na.png|b.png,\na.png,x\nb.png,x\nc.png,y\nd.png,y\n',
    };
    const { leftOut, dataset } = await checkDataset(await folderWith(files), {
      images: 'each',
      skipBadRows: true,
    });
    expect(leftOut).toEqual([{ at: 'metadata.csv row 2', detail: expect.stringContaining('label') }]);
    expect(dataset?.examples).toHaveLength(4);
  });

  it('loses an image that is damaged, and no other', async () => {
    const files = {
      ...(await images()),
      'bad.png': 'no image',
      'metadata.csv': 'image,label\na.png|bad.png,x\nb.png,x\nc.png,y\nd.png,y\n',
    };
    const { leftOut, dataset } = await checkDataset(await folderWith(files), {
      images: 'each',
      skipBadRows: true,
    });
    expect(leftOut.map(({ at }) => at)).toEqual(['metadata.csv row 2, file 2']);
    expect(dataset?.examples).toHaveLength(4);
  });
});

describe('a group', () => {
  it('is named by a column, and never on two sides of a split', async () => {
    const lines = Array.from(
      { length: 60 },
      (_, row) => `text ${row},${row % 2 ? 'x' : 'y'},g${Math.floor(row / 4)}`,
    );
    const folder = await folderWith({ 'metadata.csv': `text,label,seller\n${lines.join('\n')}\n` });
    const dataset = await readDataset(folder, { groupColumn: 'seller' });
    for (const seed of [0, 1, 2]) {
      const { train, test } = splitRows(dataset, { seed });
      const groupsOf = (side: number[]) => new Set(side.map((row) => dataset.examples[row]?.group));
      expect(groupsOf(train).intersection(groupsOf(test)).size).toBe(0);
    }
    expect((await checkDataset(folder, { groupColumn: 'sellers' })).problems).toContainEqual({
      at: 'metadata.csv',
      detail: 'there is no column "sellers"; did you mean "seller"?',
    });
  });

  it('joins what has nothing else in common, is part of the hash, and is kept', () => {
    const [one, two] = [{ content: { text: 'one' } }, { content: { text: 'two' } }];
    expect(groupTwins([one, two])).toEqual([0, 1]);
    expect(
      groupTwins([
        { ...one, group: 'g' },
        { ...two, group: 'g' },
      ]),
    ).toEqual([0, 0]);
    const example = { row: 1, content: { text: 'one' }, truth: { class: 'x' } };
    const grouped = { ...example, group: 'g' };
    expect(hashExamples([grouped])).not.toBe(hashExamples([example]));
    expect(readStored(formatStored(grouped), { id: 'd', target: 'single' })).toEqual(grouped);
  });
});
