import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtures, runCommand, runForJson, smallSample } from './server.ts';

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

const runJson = (...args: string[]) => runForJson(data, ...args);

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

  it('shows a version as a person reads it, and all of its manifest as JSON', async () => {
    const { stdout } = await runCommand('heads', 'info', 'three', '--data', data);
    expect(stdout).toMatch(/^head +three@1$/m);
    expect(stdout).toMatch(/^trained on +42 examples of sample$/m);
    expect(stdout).toMatch(/^text +all-MiniLM-L6-v2 \(licence apache-2.0\)$/m);
    expect(stdout).toMatch(/^image only +\d+\.\d %/m);
    await runJson('heads', 'alias', 'three', 'production', '1');
    const { value } = await runJson('heads', 'info', 'three@production');
    expect(value).toMatchObject({ name: 'three', version: 1, aliases: ['production'], format: 1 });
    expect(await runCommand('heads', 'show', 'three', '--data', data)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("heads has no command 'show'"),
    });
  });

  it('tells people what it did, with the main figures and where the report lies', async () => {
    const { code, stdout, stderr } = await runCommand(
      ...['train', sample, '--head', 'people', '--no-search', '--data', data],
    );
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

  it('shows what an answer rests on, as bars and a grid, or as JSON', async () => {
    const asked = ['--text', 'we had a pizza', '--image', path.join(fixtures, 'coffee.jpg'), '--explain'];
    const shown = await runCommand('predict', ...asked, '--explain-parts', '4', '--data', data);
    expect(shown.stdout).toMatch(
      /^what food-drink, \d+\.\d %, rests on:\nimage: .*\n( {2}[-·░▒▓█]{4}\n){2}text: /m,
    );
    expect(shown.stdout).toMatch(/^ {2}pizza +\+\d+\.\d █{24}$/m);
    expect(shown.stdout).toMatch(/^8 items encoded for it in \d+ ms$/m);
    const { value } = await runJson('predict', ...asked, '--explain-label', 'symbols');
    expect(value.explanation).toMatchObject({ label: 'symbols', cost: { encodes: 40 } });
    const { code, stderr } = await runCommand('predict', '--text', 'a', '--explain-label', 'symbols');
    expect(code).toBe(1);
    expect(stderr).toMatch(/Add --explain/);
    const table = await runCommand('predict', sample, '--out', '-', '--explain');
    expect(table.stderr).toMatch(/--explain is for one item, and a table is named/);
  });

  it.each(['serve', 'train', 'predict', 'evaluate', 'compare', 'heads', 'tune'])(
    '%s --help ends with an example',
    async (command) => {
      const { code, stdout } = await runCommand(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`Examples?:\\n.*${command}`));
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
