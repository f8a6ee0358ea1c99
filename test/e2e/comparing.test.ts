import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contenders } from '../../src/training/contenders.ts';
import { runCommand, runForJson, smallSample, startServer } from './server.ts';

let folder: string;
let sample: string;
let data: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'comparing-'));
  sample = path.join(folder, 'sample');
  data = path.join(folder, 'data');
  await smallSample(sample, 3, 14);
});
afterAll(() => rm(folder, { recursive: true }));

const runJson = (...args: string[]) => runForJson(data, ...args);

/** Where any head will do. */
const trainQuickly = (head: string, seed: string) =>
  runJson('train', sample, '--head', head, '--seed', seed, '--no-search');

it('makes the same head from the same data and seed, to the byte, with checkpoints and without', async () => {
  const checkpoints = path.join(folder, 'checkpoints');
  await mkdir(checkpoints);
  await writeFile(path.join(checkpoints, 'final.checkpoint'), 'of something else');
  const [first, second] = [
    await runJson('train', sample, '--head', 'again', '--seed', '5'),
    await runJson('train', sample, '--head', 'again', '--seed', '5', '--checkpoints', checkpoints),
  ];
  expect(second.stderr).toContain('final.checkpoint is not used: it is damaged');
  await expect(stat(checkpoints)).rejects.toMatchObject({ code: 'ENOENT' });
  const weights = await Promise.all(
    [first, second].map(({ value }) => readFile(path.join(value.folder, 'head.onnx'))),
  );
  expect(second.value.version).toBe(2);
  expect(weights[0].equals(weights[1])).toBe(true);
});

describe('two versions', () => {
  it('are compared by what differs, by their figures, and by what they answer for the same rows', async () => {
    for (const seed of ['1', '2']) await trainQuickly('rivals', seed);
    const own = await runJson('heads', 'compare', 'rivals@1', 'rivals@2');
    expect(own.code, own.stderr).toBe(0);
    expect(own.value.differences).toContainEqual({ field: 'training.seed', first: 1, second: 2 });
    expect(own.value.testedOn).toEqual({ examples: 'others', why: expect.stringContaining('test splits') });
    const { value } = await runJson('heads', 'compare', 'rivals@1', 'rivals@2', '--dataset', sample);
    const { dataset, trainedOnIt, figures, right, disagreements } = value.onDataset;
    expect(dataset).toMatchObject({ name: 'sample', examples: 42 });
    expect(trainedOnIt).toEqual(['rivals@1', 'rivals@2']);
    for (const [index, side] of (['first', 'second'] as const).entries()) {
      const { value } = await runJson('evaluate', sample, '--head', `rivals@${index + 1}`);
      for (const figure of figures) expect(figure[side]).toBeCloseTo(value.metrics.fused[figure.name], 12);
    }
    expect(right.both + right.onlyFirst + right.onlySecond + right.neither).toBe(42);
    expect(disagreements.rows).toHaveLength(disagreements.count);
    const { stdout } = await runCommand(
      'heads',
      'compare',
      'rivals@1',
      'rivals@2',
      '--dataset',
      sample,
      '--data',
      data,
    );
    expect(stdout).toMatch(/training\.seed +1 +2/);
    expect(stdout).toMatch(/not comparable: measured on other examples/);
    expect(stdout).toMatch(/accuracy .* no difference/);
    expect(stdout).toContain('note: rivals@1 was trained on part of this very dataset');
  });

  it('are refused a dataset with labels that either was never taught', async () => {
    await trainQuickly('narrow', '1');
    const wide = path.join(folder, 'wide');
    await smallSample(wide, 4, 3);
    const { code, value } = await runJson('heads', 'compare', 'emoji', 'narrow', '--dataset', wide);
    expect(code).toBe(1);
    expect(value.error).toMatchObject({
      code: 'invalid-dataset',
      detail: expect.stringContaining('narrow@1'),
    });
  });
});

describe('a comparison', () => {
  it('trains every strategy on the same splits and says whether ARL is better', async () => {
    const report = path.join(data, 'comparison.html');
    const { code, value } = await runJson('compare', sample, '--seeds', '2', '--report', report);
    expect(code).toBe(0);
    expect(await readFile(report, 'utf8')).toContain('which strategy?');
    const names = value.results.map(({ contender }: { contender: string }) => contender);
    // The sample has images and texts.
    expect(names.sort()).toEqual(contenders.filter((contender) => contender !== 'table').toSorted());
    expect(value.verdict.difference).toEqual({
      mean: expect.any(Number),
      margin: expect.any(Number),
      isDifferent: expect.any(Boolean),
    });
    for (const { fused } of value.results) expect(fused.accuracy.bySeed).toHaveLength(2);
  });
});

describe('tuning', () => {
  it('measures what suits the machine, says so, and is heeded by the server', async () => {
    const own = path.join(data, 'tuned');
    const { code, stdout, stderr } = await runCommand(
      'tune',
      '--milliseconds',
      '50',
      '--json',
      '--data',
      own,
    );
    expect(code, stderr).toBe(0);
    const { engines, budgets, measurements } = JSON.parse(stdout);
    expect(measurements.length).toBeGreaterThanOrEqual(12);
    const stored = JSON.parse(await readFile(path.join(own, 'tuning.json'), 'utf8'));
    expect(stored).toMatchObject({ engines, budgets });
    await writeFile(
      path.join(own, 'tuning.json'),
      JSON.stringify({ ...stored, budgets: { image: 100_352, text: 77 } }),
    );
    const server = await startServer(own, '--max-batch-pixels', '50176');
    await server.stop();
    expect(server.announced.batching).toEqual({
      engines,
      budgets: { image: 50_176, text: 77 },
      tuning: path.join(own, 'tuning.json'),
    });
  });
});
