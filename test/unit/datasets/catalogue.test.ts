import { createWriteStream } from 'node:fs';
import { access, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { DatasetCatalogue } from '../../../src/datasets/catalogue.ts';
import { readDataset } from '../../../src/datasets/dataset.ts';
import { exportDataset } from '../../../src/datasets/export.ts';
import { ImageStore } from '../../../src/datasets/images.ts';
import { type DatasetSource, importDataset, tryImport } from '../../../src/datasets/import/import.ts';
import type { Page } from '../../../src/store/database/page.ts';
import { openStore } from '../../../src/store/store.ts';
import { temporaryStore } from '../store/test-store.ts';
import { folderWith, image, images, temporaryFolder } from './sample.ts';

const metadata =
  'file_name,text,label,split\na.png,An ant,bug,train\na.png,Seen again,bug,test\n,A cat,pet,\nd.png,"A dog, asleep",pet,\n';

async function openCatalogue() {
  const data = await temporaryFolder();
  const store = await temporaryStore(data);
  const catalogue = new DatasetCatalogue(store);
  const bring = (source: DatasetSource, name?: string) =>
    importDataset(catalogue, source, { workspace: data, name });
  /** The names of all files that are kept. */
  const listFiles = async () => {
    const names: string[] = [];
    for (const prefix of ['datasets', 'images'])
      for await (const { key } of store.artifacts.list(prefix)) names.push(basename(key));
    return names.sort();
  };
  return { data, store, catalogue, bring, listFiles };
}

const pets = async () => folderWith({ ...(await images()), 'metadata.csv': metadata });

describe('a dataset that was imported', () => {
  it('is the same to train on as the folder it came from, which may be gone', async () => {
    const { catalogue, bring, data } = await openCatalogue();
    const folder = await pets();
    const { record, isNew } = await bring({ folder }, 'My pets');
    const direct = await readDataset(folder);
    expect(isNew).toBe(true);
    expect(record).toMatchObject({ id: expect.stringMatching(/^my-pets-[0-9a-f]{12}$/), name: 'My pets' });
    expect(record.counts).toMatchObject({
      examples: 4,
      content: { image: { examples: 3, files: 2 } },
      train: 1,
      test: 1,
    });
    const opened = await catalogue.open(record.id);
    const withoutPaths = ({ examples }: typeof opened) =>
      examples.map(({ content: { image, text }, ...rest }) => ({ ...rest, text, ...image, path: '' }));
    expect(withoutPaths(opened)).toEqual(withoutPaths(direct));
    expect({ ...opened, examples: [], name: '' }).toEqual({ ...direct, examples: [], name: '' });
    expect(opened.examples.every(({ content: { image } }) => !image || image.path.startsWith(data))).toBe(
      true,
    );
  });

  it('is there once, however often it comes, and so is each image of several datasets', async () => {
    const { catalogue, bring, listFiles } = await openCatalogue();
    const first = await bring({ folder: await pets() }, 'pets');
    const again = await bring({ folder: await pets() }, 'pets');
    expect(again).toEqual({ record: first.record, isNew: false });
    await bring({ folder: await pets() }, 'others');
    expect((await catalogue.list()).records.map(({ name }) => name).sort()).toEqual(['others', 'pets']);
    expect((await listFiles()).filter((name) => /^[0-9a-f]{64}$/.test(name))).toHaveLength(2);
  });

  it('is listed page by page, the newest first, one that is damaged at its place', async () => {
    const { catalogue, bring, store } = await openCatalogue();
    const folder = await pets();
    // Those of the same moment come by the bytes of their ids, in which a hyphen comes before letters.
    const days = { 'pq 2': 1, 'p r': 1, pq: 1, damaged: 2, newest: 3 };
    for (const [name, day] of Object.entries(days)) {
      const { record } = await bring({ folder }, name);
      const createdAt = new Date(Date.UTC(2026, 0, day)).toISOString();
      const changed = { createdAt, ...(name === 'damaged' && { record: '{' }) };
      const { id } = record;
      await store.database.query.updateTable('dataset').set(changed).where('id', '=', id).execute();
    }
    const read = async (page?: Page) => {
      const { records, damaged, total } = await catalogue.list(page);
      return { names: records.map(({ name }) => name), damaged: damaged.length, total };
    };
    expect(await read()).toEqual({ names: ['newest', 'p r', 'pq 2', 'pq'], damaged: 1, total: 5 });
    expect(await read({ offset: 0, limit: 2 })).toEqual({ names: ['newest'], damaged: 1, total: 5 });
    expect(await read({ offset: 2, limit: 2 })).toEqual({ names: ['p r', 'pq 2'], damaged: 0, total: 5 });
    expect(await read({ offset: 5, limit: 2 })).toEqual({ names: [], damaged: 0, total: 5 });
  });

  it('is found by what it holds, the newest of the same', async () => {
    const { catalogue, bring } = await openCatalogue();
    await bring({ folder: await pets() }, 'pets');
    const { record } = await bring({ folder: await pets() }, 'others');
    expect(await catalogue.withHash(record.hash)).toEqual(record);
    expect(await catalogue.withHash('b'.repeat(64))).toBeUndefined();
  });

  it('shows one row without reading on behind it', async () => {
    const { catalogue, bring, store } = await openCatalogue();
    const { record } = await bring({ folder: await pets() });
    const [row] = (await catalogue.examples(record.id)).map((example) => example.row).slice(1);
    for await (const { key } of store.artifacts.list('datasets')) {
      const file = await store.artifacts.path(key);
      const lines = (await readFile(file, 'utf8')).split('\n');
      await writeFile(file, [...lines.slice(0, 3), 'damaged'].join('\n'));
    }
    const found = await catalogue.examples(record.id, { row });
    expect(found.map((example) => example.row)).toEqual([row]);
    await expect(catalogue.examples(record.id)).rejects.toMatchObject({ code: 'damaged-artifact' });
  });

  it('goes with the images that no other one has', async () => {
    const { catalogue, bring, listFiles } = await openCatalogue();
    const { record: one } = await bring({ folder: await pets() }, 'pets');
    const more = { 'x.png': await image(9), 'metadata.csv': metadata.replace('d.png', 'x.png') };
    const { record: other } = await bring(
      { folder: await folderWith({ ...(await images()), ...more }) },
      'more',
    );
    await catalogue.delete(one.id);
    expect((await listFiles()).filter((name) => name.length === 64)).toHaveLength(2);
    expect((await catalogue.list()).records).toEqual([other]);
    await catalogue.delete(other.id);
    expect(await listFiles()).toEqual([]);
    await expect(catalogue.delete(other.id)).rejects.toMatchObject({ code: 'unknown-dataset' });
  });

  it('is exported as a zip that imports as the same dataset', async () => {
    const { catalogue, bring, data } = await openCatalogue();
    const { record } = await bring({ folder: await pets() }, 'pets');
    const file = join(data, 'pets.zip');
    await pipeline(await exportDataset(catalogue, record.id), createWriteStream(file));
    const elsewhere = await openCatalogue();
    const { record: copy } = await elsewhere.bring({ file, fileName: 'pets.zip' });
    expect(copy).toEqual({ ...record, createdAt: copy.createdAt });
    expect(await bring({ file, fileName: 'pets.zip' })).toEqual({ record, isNew: false });
  });

  it.each([
    ['several labels', 'text,tags\na,x;y\nb,y\nc,x\nd,\n', { target: 'multi', labelSeparator: ';' }, true],
    ['numbers', 'text,tags\na,1.5\nb,2\nc,-3\n', { target: 'regression' }, false],
  ] as const)(
    'has an id and an export of its own where it has %s',
    async (_, table, reading, isReadApart) => {
      const { catalogue, data } = await openCatalogue();
      const folder = await folderWith({ 'metadata.csv': table });
      const options = { workspace: data, name: 'tagged', labelColumn: 'tags' };
      const bringAs = (read: object, source: DatasetSource = { folder }) =>
        importDataset(catalogue, source, { ...options, ...read });
      const { record } = await bringAs(reading);
      expect(record.target).toBe(reading.target);
      expect((await bringAs({ ...reading, labelSeparator: '/' })).isNew).toBe(isReadApart);
      const file = join(data, 'tagged.zip');
      await pipeline(await exportDataset(catalogue, record.id), createWriteStream(file));
      const again = await importDataset(catalogue, { file, fileName: 'tagged.zip' }, { workspace: data });
      expect(again).toEqual({ record, isNew: false });
      expect(await catalogue.open(record.id)).toMatchObject({
        target: reading.target,
        labels: record.labels,
      });
    },
  );

  it('may come as a table that holds its images', async () => {
    const { bring } = await openCatalogue();
    const file = join(await temporaryFolder(), 'upload');
    const rows = await Promise.all(
      [0, 1, 2, 3].map(async (number) => `${(await image(number)).toString('base64')},${number % 2}`),
    );
    await writeFile(file, `file_name,label\n${rows.join('\n')}\n`);
    expect((await bring({ file, fileName: 'größe.csv' })).record).toMatchObject({
      id: expect.stringMatching(/^gro-e-/),
      counts: { content: { image: { examples: 4 } } },
    });
  });

  it('gives its examples page by page', async () => {
    const { catalogue, bring } = await openCatalogue();
    const { record } = await bring({ folder: await pets() });
    const texts = async (page: object) =>
      (await catalogue.examples(record.id, page)).map(({ content }) => content.text);
    expect(await texts({ offset: 1, limit: 2 })).toEqual(['Seen again', 'A cat']);
    expect(await texts({ offset: 3, limit: 2 })).toEqual(['A dog, asleep']);
    expect(await texts({ offset: 9, limit: 2 })).toEqual([]);
  });
});

it('cleans up what a crash left a day ago, and nothing else', async () => {
  const data = await temporaryFolder();
  await using store = await openStore({ data });
  const catalogue = new DatasetCatalogue(store);
  const { record } = await importDataset(catalogue, { folder: await pets() }, { workspace: data });
  const leftovers = ['datasets/gone/examples.jsonl', 'datasets/new/examples.jsonl', 'images/00/.half'];
  for (const key of leftovers) {
    await mkdir(dirname(join(data, key)), { recursive: true });
    await writeFile(join(data, key), 'left over');
  }
  for (const key of [leftovers[0], leftovers[2]]) await utimes(join(data, key), 0, 0);
  // An import that was killed before it was done, a day ago: its image is not needed, another is.
  const images = new ImageStore(store);
  const [{ content }] = await catalogue.examples(record.id);
  const own = join(data, 'own.png');
  await writeFile(own, await image(9));
  await images.add(
    'killed',
    new Map([
      [content.image!.sha256!, own],
      ['f'.repeat(64), own],
    ]),
  );
  await store.database.query
    .updateTable('imageUse')
    .set({ importedAt: '2026-01-31T12:00:00.000Z' })
    .where('user', '=', 'killed')
    .execute();
  await catalogue.clean();
  const kept = await readdir(data, { recursive: true });
  expect(leftovers.filter((key) => kept.includes(key))).toEqual([leftovers[1]]);
  expect(kept.filter((name) => name.endsWith('f'.repeat(64)))).toEqual([]);
  for (const { content } of await catalogue.examples(record.id))
    if (content.image) await access(content.image.path);
});

describe('a dataset that is not taken', () => {
  it('has problems, and leaves nothing', async () => {
    const { bring, listFiles, data } = await openCatalogue();
    const before = await readdir(data);
    const folder = await folderWith({ 'metadata.csv': 'file_name,label\nabsent.png,x\n' });
    await expect(bring({ folder })).rejects.toMatchObject({ code: 'invalid-dataset' });
    expect(await listFiles()).toEqual([]);
    expect(await readdir(data)).toEqual(before);
  });

  it('was only tried', async () => {
    const { data, listFiles } = await openCatalogue();
    const check = await tryImport({ folder: await pets() }, { workspace: data, name: 'pets' });
    expect(check).toMatchObject({ name: 'pets', problems: [], counts: { examples: 4 } });
    expect(await listFiles()).toEqual([]);
  });

  it('is not there', async () => {
    const { catalogue, bring } = await openCatalogue();
    await bring({ folder: await pets() }, 'pets');
    for (const id of ['plants', '../catalogue', '.', ''])
      await expect(catalogue.open(id)).rejects.toMatchObject({
        code: 'unknown-dataset',
        message: expect.stringContaining('there are: pets-'),
      });
  });
});
