import { expect, it } from 'vitest';
import { folderSource } from '../../../src/scoring/folder-source.ts';
import { folderWith } from '../datasets/sample.ts';

it('takes texts as long as those of a training, and says of longer ones how long they are', async () => {
  const folder = await folderWith({ 'a.txt': 'a'.repeat(100_000), 'b.txt': 'b'.repeat(100_001) });
  const rows = await Array.fromAsync(folderSource(folder).rows());
  expect(rows.map(({ content, problem }) => [content?.text?.length, problem])).toEqual([
    [100_000, undefined],
    [undefined, 'the text has 100001 characters; 100000 are the limit'],
  ]);
});
