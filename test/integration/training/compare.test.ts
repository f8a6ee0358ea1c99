import { writeFile } from 'node:fs/promises';
import { expect, it, onTestFinished } from 'vitest';
import { readDataset } from '../../../src/datasets/dataset.ts';
import { loadEncoders } from '../../../src/encoders/encoders.ts';
import { type CompareOptions, compareStrategies } from '../../../src/training/compare.ts';
import { checkpointFile, type WrittenCheckpoint } from '../../../src/training/loop/checkpoints.ts';
import { bundledEncoders } from '../../bundled-encoders.ts';
import { folderWith, temporaryFolder } from '../../unit/datasets/sample.ts';

async function openComparison() {
  const rows = Array.from(
    { length: 60 },
    (_, row) => `the ${row % 2 ? 'red' : 'blue'} one ${row},${row % 2}\n`,
  );
  const dataset = await readDataset(await folderWith({ 'metadata.csv': `text,label\n${rows.join('')}` }));
  const encoders = await loadEncoders({
    encoders: bundledEncoders,
    ...{ provider: 'cpu', threads: 1, engines: 1 },
  });
  onTestFinished(() => encoders.close());
  const checkpoints = await temporaryFolder();
  const featureCache = await temporaryFolder();
  return async (options: Partial<CompareOptions> = {}) => {
    const written: WrittenCheckpoint[] = [];
    const comparison = await compareStrategies(encoders, {
      ...{ dataset, checkpoints, featureCache, seeds: [0, 1, 2], testShare: 0.2, threads: 1 },
      onCheckpoint: (one) => written.push(one),
      ...options,
    }).catch((error) => error);
    return { comparison, written: written.map(({ name }) => name), checkpoints };
  };
}

it('resumes a comparison with what its contenders gave, to the same figures', async () => {
  const compare = await openComparison();
  const { comparison: whole } = await compare({ checkpoints: undefined });
  const stop = new AbortController();
  const stopped = await compare({
    signal: stop.signal,
    onProgress: ({ stage, done }) => {
      if (stage === 'comparison' && done === 2) stop.abort();
    },
  });
  expect(stopped.written).toEqual(['text-0', 'text-1']);
  const progress: number[] = [];
  const resumed = await compare({
    onProgress: ({ stage, done }) => {
      if (stage === 'comparison') progress.push(done);
    },
  });
  expect(resumed.written).toEqual(['text-2']);
  expect(progress).toEqual([1, 2, 3]);
  expect(resumed.comparison).toEqual(whole);
});

it('says whether the seeds drew their test sides', async () => {
  const compare = await openComparison();
  const seeds = [0, 1];
  expect((await compare({ seeds })).comparison.split).toBe('drawn');
  const rows = Array.from({ length: 20 }, (_, row) => `text ${row},${row % 2},${row < 4 ? 'test' : ''}\n`);
  const folder = await folderWith({ 'metadata.csv': `text,label,split\n${rows.join('')}` });
  const dataset = await readDataset(folder);
  expect((await compare({ dataset, seeds, checkpoints: undefined })).comparison.split).toBe('marked');
});

it('takes no result of another comparison, nor one that is damaged', async () => {
  const compare = await openComparison();
  const { written, checkpoints } = await compare();
  expect(written).toHaveLength(3);
  expect((await compare()).written).toEqual([]);
  expect((await compare({ testShare: 0.3 })).written).toHaveLength(3);
  await writeFile(checkpointFile(checkpoints, 'text-1'), 'damaged');
  expect((await compare({ testShare: 0.3 })).written).toEqual(['text-1']);
});
