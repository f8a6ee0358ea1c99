import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { folderWith } from '../../unit/datasets/sample.ts';
import { open } from '../app/open-tandem.ts';

it('trains with the modality first that reached most alone on the training split, and says which', async () => {
  const { tandem } = await open();
  // The price decides; the text says nothing.
  const rows = Array.from({ length: 60 }, (_, row) => {
    const isDear = row % 2 === 1;
    return `item ${(row * 7) % 10},${isDear ? 900 + row : row},${isDear ? 'dear' : 'cheap'}`;
  });
  const dataset = await folderWith({ 'metadata.csv': ['text,price,label', ...rows].join('\n') });
  const { folder } = await tandem.train(dataset, {
    head: 'prices',
    search: false,
    strategy: 'pdmp',
    tableColumns: ['price'],
  });
  const read = async (file: string) => readFile(path.join(folder, file), 'utf8');
  expect(JSON.parse(await read('head.json')).training.recipe).toMatchObject({
    strategy: 'pdmp',
    dominant: 'table',
  });
  expect(await read('report.html')).toContain(
    'the modality that reached most alone got 1.5 times its update',
  );
});
