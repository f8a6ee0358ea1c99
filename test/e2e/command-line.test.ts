import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contenders } from '../../src/training/contenders.ts';
import { fixtures, runCommand, smallSample, startServer } from './server.ts';

let folder: string;
let sample: string;
let data: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'command-line-'));
  sample = path.join(folder, 'sample');
  data = path.join(folder, 'data');
  await smallSample(sample, 3, 14);
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a command and reads the one JSON object that it prints. */
async function runJson(...args: string[]) {
  const { code, stdout, stderr } = await runCommand(...args, '--json', '--data', data);
  return { code, value: JSON.parse(stdout), stderr };
}

describe('the command line', () => {
  it('trains, evaluates, predicts and lists, with one JSON object each', async () => {
    const trained = await runJson('train', sample, '--head', 'three', '--seed', '3');
    expect(trained.code).toBe(0);
    expect(trained.value).toMatchObject({ head: 'three', version: 1, examples: { training: 33, test: 9 } });

    const evaluated = await runJson('evaluate', sample, '--head', 'three@1');
    expect(evaluated.value.metrics.fused).toMatchObject({ examples: 42 });
    expect(evaluated.value.metrics.fused.accuracy).toBeGreaterThan(0.8);

    const predicted = await runJson(
      'predict',
      '--head',
      'three',
      '--text',
      'a happy dog',
      '--image',
      path.join(fixtures, 'cat.jpg'),
    );
    expect(predicted.value.head).toEqual({ name: 'three', version: 1 });
    expect(trained.value.labels).toContain(predicted.value.labels[0].label);

    const listed = await runJson('heads');
    expect(listed.value.heads.map(({ name }: { name: string }) => name)).toEqual(['emoji', 'three']);
  });

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

  it('tells people what it did, with the main figures and where the report lies', async () => {
    const { code, stdout, stderr } = await runCommand('train', sample, '--head', 'people', '--data', data);
    expect(code).toBe(0);
    expect(stdout).toMatch(/people@1: 3 labels/);
    expect(stdout).toMatch(/image only +\d+\.\d %/);
    const [, report = ''] = /^report: (file:.*report\.html)$/m.exec(stdout) ?? [];
    expect(await readFile(new URL(report), 'utf8')).toContain('<!doctype html>');
    expect(stderr).toMatch(/training \d+ steps/);
    const [next] = stdout.slice(stdout.indexOf('next:')).match(/predict .*/) ?? [];
    expect(next).toContain(`--data ${data}`);
    const words = next?.match(/'[^']*'|\S+/g)?.map((word) => word.replaceAll("'", '')) ?? [];
    const typed = words.map((word) => (word === 'photo.jpg' ? path.join(fixtures, 'cat.jpg') : word));
    expect(await runCommand(...typed)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('people@1'),
    });
  });

  it.each(['serve', 'train', 'predict', 'evaluate', 'compare', 'heads', 'tune'])(
    '%s --help ends with an example',
    async (command) => {
      const { code, stdout } = await runCommand(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`Example:\\n.*${command}`));
    },
  );
});

describe('bad input on the command line', () => {
  it('names every bad setting at once and starts nothing', async () => {
    const { code, stderr } = await runCommand('serve', '--port', 'http', '--max-queue', '0', '--data', data);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--port: "http"/);
    expect(stderr).toMatch(/--max-queue: "0"/);
  });

  it('says what to type where nothing was given to predict', async () => {
    const { code, stderr } = await runCommand('predict', '--data', data);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--image, --text/);
  });

  it('says which heads there are where one is unknown', async () => {
    const { code, value } = await runJson('predict', '--text', 'x', '--head', 'nothing');
    expect(code).toBe(1);
    expect(value.error).toMatchObject({ code: 'unknown-head', detail: expect.stringContaining('emoji') });
  });

  it('names the rows whose label the head was never taught', async () => {
    const strange = path.join(folder, 'strange');
    await smallSample(strange, 3, 2);
    const lines = (await readFile(path.join(strange, 'metadata.jsonl'), 'utf8')).trim().split('\n');
    const rows = lines.map((line, index) => ({
      ...JSON.parse(line),
      ...(index < 2 && { label: 'weather' }),
    }));
    await writeFile(path.join(strange, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const { code, value } = await runJson('evaluate', strange, '--head', 'emoji');
    expect(code).toBe(1);
    expect(value.error.items).toEqual([
      { at: 'row 1', detail: expect.stringContaining('weather') },
      { at: 'row 2', detail: expect.stringContaining('weather') },
    ]);
  });

  it('names a missing dataset, a missing image file and a class with one example', async () => {
    expect((await runJson('train', path.join(folder, 'none'), '--head', 'x')).value.error.code).toBe(
      'unknown-dataset',
    );
    const lonely = path.join(folder, 'lonely');
    await smallSample(lonely, 2, 3);
    const metadata = path.join(lonely, 'metadata.jsonl');
    const rows = await readFile(metadata, 'utf8');
    await writeFile(
      metadata,
      `${rows}${JSON.stringify({ file_name: 'gone.png', text: 'x', label: 'single' })}\n`,
    );
    const { value } = await runJson('train', lonely, '--head', 'x');
    expect(value.error.code).toBe('invalid-dataset');
    expect(JSON.stringify(value.error.items)).toMatch(/row 7.*gone\.png/);
    expect(JSON.stringify(value.error.items)).toMatch(/single/);
  });

  it('names the row of an image that breaks off halfway', async () => {
    const broken = path.join(folder, 'broken');
    await smallSample(broken, 2, 3);
    const whole = await readFile(path.join(fixtures, 'coffee.jpg'));
    const [first] = (await readFile(path.join(broken, 'metadata.jsonl'), 'utf8')).split('\n');
    await writeFile(path.join(broken, JSON.parse(first).file_name), whole.subarray(0, whole.length / 2));
    const { value } = await runJson('train', broken, '--head', 'x');
    expect(value.error).toMatchObject({
      code: 'invalid-dataset',
      items: [{ at: expect.stringContaining('row 1') }],
    });
  });
});

describe('two versions', () => {
  it('are compared by what differs, by their figures, and by what they answer for the same rows', async () => {
    for (const seed of ['1', '2']) await runJson('train', sample, '--head', 'rivals', '--seed', seed);
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
    await runJson('train', sample, '--head', 'narrow', '--seed', '1');
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
    expect(names.sort()).toEqual(contenders.toSorted());
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

describe('a head', () => {
  it('moves to another place as one file, by command and over HTTP', async () => {
    const file = path.join(folder, 'emoji-1.tar');
    expect((await runJson('heads', 'export', 'emoji@1', '--output', file)).value).toMatchObject({
      version: 1,
    });
    const brought = await runJson('heads', 'import', file, '--name', 'moved');
    expect(brought.value).toEqual({ name: 'moved', version: 1 });
    const server = await startServer(path.join(folder, 'elsewhere'));
    try {
      const body = new FormData();
      body.set('file', new Blob([await readFile(file)]), 'emoji-1.tar');
      const response = await fetch(`${server.address}/v1/heads`, { method: 'POST', body });
      expect([response.status, await response.json()]).toEqual([201, { name: 'emoji', version: 2 }]);
      const exported = await fetch(`${server.address}/v1/heads/emoji/versions/2/export`);
      expect(exported.headers.get('Content-Disposition')).toBe('attachment; filename=emoji-2.tar');
      expect((await exported.arrayBuffer()).byteLength).toBeGreaterThan(3e6);
    } finally {
      await server.stop();
    }
  });
});
