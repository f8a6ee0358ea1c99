import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../../src/datasets/dataset.ts';
import type { Dataset } from '../../../../src/datasets/example.ts';
import type { Encoders } from '../../../../src/encoders/encoders.ts';
import type { PooledEncoders } from '../../../../src/encoders/pooled-encoder.ts';
import { FeatureCache } from '../../../../src/training/features/feature-cache.ts';
import { loadTable, rowOf } from '../../../../src/training/features/feature-table.ts';
import { extractFeatures } from '../../../../src/training/features/features.ts';
import { folderWith, images, temporaryFolder } from '../../datasets/sample.ts';

const metadata =
  'file_name,text,label\na.png,An ant,x\na.png,An ant,x\nb.png,,x\n,A cat,y\nd.png,A dog asleep on a mat,y\n';

/** Encoders that count what they are given; the features are made of the input alone. */
function countingEncoders(engines = 2) {
  const encoded = { image: 0, text: 0 };
  const running = { image: 0, text: 0 };
  const mostRunning = { image: 0, text: 0 };
  const loaded = { image: 0, text: 0 };
  const of = <Prepared>(
    modality: 'image' | 'text',
    prepare: (input: never) => Prepared,
    sum: (item: Prepared) => number,
  ) => ({
    id: modality,
    modality,
    dimension: 2,
    fingerprint: `fingerprint-of-${modality}`,
    cacheKey: `key-of-${modality}`,
    load: async () => {
      loaded[modality]++;
    },
    prepare: async (input: never) => prepare(input),
    encode: async (batch: readonly Prepared[]) => {
      encoded[modality] += new Set(batch).size;
      mostRunning[modality] = Math.max(mostRunning[modality], ++running[modality]);
      await nextTurn();
      running[modality]--;
      return batch.map((item) => Float32Array.of(sum(item), 1 / 3));
    },
  });
  const image = of(
    'image',
    (input: string) => path.basename(input),
    (name) => name.charCodeAt(0),
  );
  const text = of(
    'text',
    (input: string) => input.split(' ').map((word) => word.length),
    (tokens) => tokens.length,
  );
  const encoders = {
    byModality: { image: [image], text: [text] },
    engines,
    provider: { provider: 'cpu' },
  } as unknown as Encoders;
  return { encoders, encoded, loaded, mostRunning };
}

const emptyDataset: Dataset = {
  name: 'made up',
  target: 'single',
  labels: [],
  examples: [],
  hash: '',
  notes: [],
};

async function sample() {
  const cache = path.join(await temporaryFolder(), 'features');
  const dataset = await readDataset(await folderWith({ ...(await images()), 'metadata.csv': metadata }));
  const extract = async (given = dataset, options = {}) => {
    const { encoders, encoded } = countingEncoders();
    const table = await loadTable(await extractFeatures(encoders, given, { cache, ...options }));
    return { table, encoded };
  };
  return { cache, dataset, extract };
}

describe('the features of a dataset', () => {
  it('stand in the rows that have the modality, and each image and text is encoded once', async () => {
    const { extract } = await sample();
    const { table, encoded } = await extract();
    const [image, text] = table.columns;
    const column = ({ values }: typeof image) => Array.from(values).filter((_, index) => index % 2 === 0);
    expect(column(image)).toEqual(['a', 'a', 'b', '', 'd'].map((name) => name.charCodeAt(0) || 0));
    expect(column(text)).toEqual([2, 2, 0, 2, 6]);
    expect([[...image.present], [...text.present]]).toEqual([
      [1, 1, 1, 0, 1],
      [1, 1, 0, 1, 1],
    ]);
    expect(encoded).toEqual({ image: 3, text: 3 });
  });

  it('are encoded on every engine at the same time, those of texts as those of images', async () => {
    const { encoders, mostRunning } = countingEncoders(8);
    const examples = Array.from({ length: 100 }, (_, row) => ({
      row,
      content: {
        image: { path: `${row}.png`, sha256: row.toString(16).padStart(64, '0') },
        text: Array(row + 1)
          .fill('word')
          .join(' '),
      },
      truth: { class: 'any' },
    }));
    await extractFeatures(encoders, { ...emptyDataset, labels: ['any'], examples });
    expect(mostRunning.image).toBeGreaterThanOrEqual(8);
    expect(mostRunning.text).toBeGreaterThanOrEqual(8);
  });

  it('are the same where they are too many for memory', async () => {
    const { extract, dataset, cache } = await sample();
    const [inMemory, onDisk] = [await extract(), await extract(dataset, { mostBytesInMemory: 0 })];
    for (const [m, { values }] of inMemory.table.columns.entries())
      expect(onDisk.table.columns[m].values).toEqual(values);
    expect((await readdir(cache)).filter((file) => file.endsWith('.features'))).toEqual([]);
  });

  it('are the same from the cache, where nothing is encoded again', async () => {
    const { extract, dataset } = await sample();
    const first = await extract();
    const second = await extract();
    expect(second.encoded).toEqual({ image: 0, text: 0 });
    const plain = ({ columns, strata, truth }: typeof first.table) => [
      strata,
      truth,
      columns.map(({ values, present }) => [values, present]),
    ];
    expect(plain(second.table)).toEqual(plain(first.table));
    const other = {
      ...dataset,
      examples: [...dataset.examples, { row: 9, content: { text: 'new' }, truth: { class: 'x' } }],
    };
    expect((await extract(other)).encoded).toEqual({ image: 0, text: 1 });
  });

  it('of several encoders stand one behind the other, and what one encoded is never encoded again', async () => {
    const { cache, dataset } = await sample();
    const { encoders, encoded, loaded } = countingEncoders();
    const [text] = encoders.byModality.text;
    const other: typeof text = {
      ...text,
      cacheKey: 'another key',
      dimension: 1,
      encode: async (batch) => (await text.encode(batch)).map(([first]) => Float32Array.of(-first)),
    };
    const extract = async (...texts: PooledEncoders) => {
      const byModality = { ...encoders.byModality, text: texts };
      const options = { cache, modalities: ['text' as const] };
      const table = await loadTable(await extractFeatures({ ...encoders, byModality }, dataset, options));
      return table.columns[0];
    };
    const alone = await extract(text);
    const both = await extract(other, text);
    expect(both.dimension).toBe(3);
    for (const row of both.present.keys()) {
      const [first, second] = rowOf(alone, row);
      expect([...rowOf(both, row)]).toEqual([first === 0 ? 0 : -first, first, second]);
    }
    const before = { ...encoded, loaded: loaded.text };
    await extract(text, other);
    await extract(other);
    expect({ ...encoded, loaded: loaded.text }).toEqual(before);
  });

  it('are kept where the extraction is stopped, and it goes on from there', async () => {
    const { extract } = await sample();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('stopped'));
    await expect(extract(undefined, { signal: stop.signal, onProgress })).rejects.toThrow('stopped');
    const { encoded } = await extract();
    expect(encoded.image + encoded.text).toBeLessThan(6);
    expect((await extract()).encoded).toEqual({ image: 0, text: 0 });
  });
});

describe('a cache of features', () => {
  const key = 'ab'.repeat(32);
  const other = 'cd'.repeat(32);

  it('gives back what was put there, in another process’s time too', async () => {
    const folder = await temporaryFolder();
    const cache = await FeatureCache.open(folder, 'encoder', 3);
    await cache.put([[key, Float32Array.of(1, 2, 3)]]);
    const second = await FeatureCache.open(folder, 'encoder', 3);
    expect(await second.get([key, other])).toEqual(new Map([[key, Float32Array.of(1, 2, 3)]]));
    await second.put([[other, Float32Array.of(4, 5, 6)]]);
    expect((await cache.get([key, other])).size).toBe(2);
    cache.close();
    second.close();
  });

  it('passes over a row whose bytes were changed, and one of another length', async () => {
    const folder = await temporaryFolder();
    const cache = await FeatureCache.open(folder, 'encoder', 3);
    await cache.put([
      [key, Float32Array.of(1, 2, 3)],
      [other, Float32Array.of(1, 2)],
    ]);
    cache.close();
    const database = new DatabaseSync(path.join(folder, 'encoder.sqlite'));
    database.prepare('UPDATE features SET value = zeroblob(12) WHERE length(value) = 12').run();
    database.close();
    const again = await FeatureCache.open(folder, 'encoder', 3);
    expect((await again.get([key, other])).size).toBe(0);
    await again.put([[key, Float32Array.of(1, 2, 3)]]);
    expect((await again.get([key])).size).toBe(1);
    again.close();
  });

  it.each([
    ['is no database at all', Buffer.alloc(8192, 'x')],
    ['was cut off', undefined],
  ])('that %s is begun anew', async (_, content) => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'encoder.sqlite');
    const cache = await FeatureCache.open(folder, 'encoder', 3);
    for (let index = 0; index < 500; index++)
      await cache.put([[index.toString(16).padStart(64, '0'), Float32Array.of(1, 2, index)]]);
    cache.close();
    if (content) await writeFile(file, content);
    else {
      const database = new DatabaseSync(file);
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      database.close();
      await writeFile(file, (await readFile(file)).subarray(0, 9000));
    }
    const again = await FeatureCache.open(folder, 'encoder', 3);
    const keys = Array.from({ length: 500 }, (_, index) => index.toString(16).padStart(64, '0'));
    for (const [found, features] of await again.get(keys))
      expect(features[2]).toBe(Number.parseInt(found, 16));
    await again.put([[key, Float32Array.of(7, 8, 9)]]);
    expect(await again.get([key])).toEqual(new Map([[key, Float32Array.of(7, 8, 9)]]));
    again.close();
    expect(await readdir(folder)).toContain('encoder.sqlite');
  });

  it('that cannot be written costs nothing but the reuse', async () => {
    const folder = await folderWith({ features: 'a file where the folder ought to be' });
    const cache = await FeatureCache.open(path.join(folder, 'features'), 'encoder', 3);
    await cache.put([[key, Float32Array.of(1, 2, 3)]]);
    expect((await cache.get([key])).size).toBe(0);
    cache.close();
  });

  it('that are no finite numbers name their rows, and are not remembered', async () => {
    const { cache, dataset } = await sample();
    const { encoders } = countingEncoders();
    const broken: Encoders = {
      ...encoders,
      byModality: {
        ...encoders.byModality,
        text: [
          {
            ...encoders.byModality.text[0],
            encode: async () => Array(8).fill(Float32Array.of(1, Number.NaN)),
          },
        ],
      },
    };
    await expect(extractFeatures(broken, dataset, { cache })).rejects.toMatchObject({
      code: 'invalid-dataset',
      items: expect.arrayContaining([
        {
          at: expect.stringMatching(/^row \d+$/),
          detail: expect.stringMatching(/its text: .*no finite number/),
        },
      ]),
    });
    const table = await loadTable(await extractFeatures(encoders, dataset, { cache }));
    for (const { values } of table.columns) expect(values.every(Number.isFinite)).toBe(true);
  });
});
