import { expect, it } from 'vitest';
import { folderSource } from '../../../src/scoring/folder-source.ts';
import { openSource } from '../../../src/scoring/open-source.ts';
import { folderWith, images } from '../datasets/sample.ts';

it('takes texts as long as those of a training, and says of longer ones how long they are', async () => {
  const folder = await folderWith({ 'a.txt': 'a'.repeat(100_000), 'b.txt': 'b'.repeat(100_001) });
  const rows = await Array.fromAsync(folderSource(folder).rows());
  expect(rows.map(({ content, problem }) => [content?.text?.length, problem])).toEqual([
    [100_000, undefined],
    [undefined, 'the text has 100001 characters; 100000 are the limit'],
  ]);
});

it('lists the files of a folder, and refuses one with nothing to score', async () => {
  const photos = await openSource(await folderWith({ ...(await images('photos/')), 'notes.md': '' }));
  expect(await photos.survey()).toMatchObject({ columns: ['file_name'], rows: 4 });
  const shards = await openSource(await folderWith({ 'data/train-00000-of-00001.parquet': '' }));
  await expect(shards.survey()).rejects.toMatchObject({
    code: 'unknown-dataset',
    message: expect.stringContaining('has no files that can be scored'),
    fix: expect.stringContaining('Name a table in it (.csv'),
  });
});
