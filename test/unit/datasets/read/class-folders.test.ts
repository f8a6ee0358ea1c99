import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../../src/datasets/dataset.ts';
import type { TandemError } from '../../../../src/errors.ts';
import { folderWith, image, images } from '../sample.ts';

const twoClasses = async (folder = '') => ({
  ...(await images(`${folder}cat/`)),
  ...(await images(`${folder}dog/`)),
});
const problemsOf = async (folder: string) => {
  const error: TandemError = await readDataset(folder).then(
    () => expect.unreachable(),
    (error) => error,
  );
  return error.items.map(({ at, detail }) => `${at}: ${detail}`);
};

describe('a folder per class', () => {
  it('labels images by their folder and numbers them in order of path', async () => {
    const folder = await folderWith(await twoClasses());
    const { labels, examples } = await readDataset(folder);
    expect(labels).toEqual(['cat', 'dog']);
    expect(examples.map(({ row, content, truth }) => [row, content.image?.path, truth])).toEqual(
      ['cat/a', 'cat/b', 'cat/c', 'cat/d', 'dog/a', 'dog/b', 'dog/c', 'dog/d'].map((name, index) => [
        index + 1,
        join(folder, `${name}.png`),
        { class: name.slice(0, 3) },
      ]),
    );
  });

  it('takes the text beside an image as its text, and one that stands alone as an example', async () => {
    const files = { ...(await twoClasses()), 'cat/a.txt': '\uFEFF A cat.\r\n', 'dog/z.txt': 'Only text' };
    const { examples } = await readDataset(await folderWith(files));
    expect(examples).toHaveLength(9);
    expect(examples[0]).toMatchObject({ content: { text: 'A cat.', image: { path: expect.any(String) } } });
    expect(examples[8]).toEqual({ row: 9, content: { text: 'Only text' }, truth: { class: 'dog' } });
  });

  it('takes the text beside an image whatever the case of their extensions', async () => {
    const { 'cat/a.png': image = '', ...others } = await twoClasses();
    const files = { ...others, 'cat/a.PNG': image, 'cat/a.TXT': 'A cat.' };
    const { examples } = await readDataset(await folderWith(files));
    expect(examples[0]?.content).toMatchObject({ text: 'A cat.', image: { path: expect.any(String) } });
    expect(examples).toHaveLength(8);
  });

  it('passes over what systems leave behind and tells of other files', async () => {
    const files = {
      ...(await twoClasses()),
      '.DS_Store': '',
      'cat/Thumbs.db': '',
      '__MACOSX/cat/._a.png': '',
    };
    const { notes, examples } = await readDataset(
      await folderWith({ ...files, 'README.md': '', 'cat/list.json': '', 'cat/more/a.png': '' }),
    );
    expect(examples).toHaveLength(8);
    expect(notes).toEqual([
      'not used: README.md, cat/list.json, cat/more',
      expect.stringMatching(/^4 groups .* different labels, such as cat\/a.png and dog\/a.png$/),
    ]);
  });

  it('is refused where an image is broken, of another kind, or reached by a link', async () => {
    const folder = await folderWith({
      ...(await twoClasses()),
      'cat/e.heic': 'GIF89a',
      'dog/e.jpg': 'no',
      'dog/f.txt': ' ',
    });
    await symlink('/usr', join(folder, 'bird'));
    expect(await problemsOf(folder)).toEqual([
      'bird: it is a link to a folder, which is not followed',
      'cat/e.heic: HEIC is not read; convert it to JPEG or PNG',
      'dog/e.jpg: the image cannot be used: it is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image',
      'dog/f.txt: the file is empty, and nothing is beside it',
    ]);
  });
});

describe('train and test folders', () => {
  it('hold a folder per class', async () => {
    const { examples } = await readDataset(
      await folderWith({ ...(await twoClasses('train/')), ...(await twoClasses('test/')) }),
    );
    expect(examples).toHaveLength(16);
    expect(examples.map(({ split }) => split)).toEqual([...Array(8).fill('train'), ...Array(8).fill('test')]);
    expect(examples.map(({ row }) => row)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  });

  it('hold metadata files, whose images lie beside them', async () => {
    const metadata = 'file_name,label\na.png,x\nb.png,x\nc.png,y\nd.png,y\n';
    const files = { ...(await images('train/')), 'train/metadata.csv': metadata };
    const lines = '{"text":"t","label":"x"}\n{"label":"y"}\n';
    const folder = await folderWith({ ...files, 'test/metadata.jsonl': lines });
    expect(await problemsOf(folder)).toEqual(['test/metadata.jsonl row 2: neither an image nor a text']);
  });

  it('may stand alone, and then are the only folders that are read', async () => {
    const { examples } = await readDataset(await folderWith(await twoClasses('train/')));
    expect(examples).toHaveLength(8);
    const withThird = await folderWith({
      ...(await twoClasses('train/')),
      'val/cat/a.png': await image(1),
    });
    expect(await problemsOf(withThird)).toEqual([
      'val/: beside train and test no other folder is read; move it into one of them, or away',
    ]);
  });

  it('are classes where images lie in them directly', async () => {
    const { labels } = await readDataset(
      await folderWith({ ...(await images('train/')), ...(await images('bus/')) }),
    );
    expect(labels).toEqual(['bus', 'train']);
  });
});
