import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { open } from './open-tandem.ts';

const shards = ['train-00000-of-00002', 'train-00001-of-00002', 'test-00000-of-00001'];
const fixture = (name: string) => path.resolve('test/fixtures/tables', `${name}.parquet`);

/** A dataset as it lies on the Hugging Face hub. */
async function hubDataset() {
  const folder = await mkdtemp(path.join(tmpdir(), 'hub-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'data'));
  for (const name of shards) await copyFile(fixture(name), path.join(folder, 'data', `${name}.parquet`));
  return folder;
}

it('trains, measures and answers on shards of Parquet with images in them, and leaves none of these behind', async () => {
  const { tandem, data } = await open();
  const folder = await hubDataset();
  const { metrics } = await tandem.train(folder, { head: 'hub', search: false });
  expect(Object.keys(metrics.unimodal)).toEqual(['image', 'text']);
  const { rows } = await tandem.evaluate(folder, { head: 'hub' });
  expect(rows).toMatchObject({ split: 'test', examples: 2 });
  const out = path.join(folder, 'out.csv');
  await tandem.score(fixture('test-00000-of-00001'), { head: 'hub', out });
  const [header, first] = (await readFile(out, 'utf8')).split('\n');
  expect(header).toMatch(/^image,label,caption,/);
  expect(first).toMatch(/^4\.png,bug,caption 4,(bug|pet),/);
  const scratch = await readdir(path.join(data, 'scratch'), { recursive: true });
  expect(scratch.filter((name) => name.includes('work-'))).toEqual([]);
});

it('imports Parquet as it imports the same in any table, and exports it', async () => {
  const { tandem } = await open();
  const folder = await hubDataset();
  const { dataset } = await tandem.datasets.import(folder);
  expect(dataset).toMatchObject({ counts: { examples: 6 } });
  const { rows } = await tandem.datasets.rows(dataset.id, { offset: 0, limit: 1 });
  expect(rows[0]).toMatchObject({ split: 'test', truth: { class: 'bug' } });
});
