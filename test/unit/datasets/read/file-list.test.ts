import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../../src/datasets/dataset.ts';
import { filesIn } from '../../../../src/datasets/read/file-list.ts';
import { folderWith, images } from '../sample.ts';

describe('a cell with several files', () => {
  it.each<[unknown, unknown[] | undefined]>([
    ['a.jpg|b b/c.png', ['a.jpg', 'b b/c.png']],
    ['https://x.org/a | https://x.org/b', ['https://x.org/a', 'https://x.org/b']],
    ['["a.jpg", "it\'s.png"]', ['a.jpg', "it's.png"]],
    ["['a.jpg', 'b.jpg']", ['a.jpg', 'b.jpg']],
    [['a.jpg', null, ''], ['a.jpg']],
    ['[]', []],
    ['a.jpg', undefined],
    ['[a].jpg', undefined],
    ['[a]', undefined],
    ['this|that', undefined],
    [7, undefined],
  ])('is read as a list, or as one name: %j', (cell, files) => {
    expect(filesIn(cell)).toEqual(files);
  });

  it('is read as its first file, which a note says', async () => {
    const rows = ['a.png|b.png,x', '"[""b.png"", ""gone.png""]",x', 'c.png,y', "\"['d.png', 'a.png']\",y"];
    const folder = await folderWith({
      ...(await images()),
      'metadata.csv': `image,label\n${rows.join('\n')}\n`,
    });
    const { examples, notes } = await readDataset(folder);
    expect(examples.map(({ content }) => content.image?.path.slice(-5))).toEqual([
      'a.png',
      'b.png',
      'c.png',
      'd.png',
    ]);
    expect(notes.filter((note) => note.includes('several files'))).toEqual([
      'metadata.csv: several files in a row of "image": the first is read; --images each reads all',
    ]);
  });
});
