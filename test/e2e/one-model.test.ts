import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { fixtures, runCommand, runForJson, smallSample } from './server.ts';

const own = path.join(import.meta.dirname, 'one-model');
const coffee = path.join(fixtures, 'coffee.jpg');
const items = [
  { text: 'Wir tranken ＫAFFEE im Café 😀' },
  { text: 'a happy dog', image: coffee },
  { image: coffee },
];

let folder: string;
let data: string;
let python: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'one-model-'));
  data = path.join(folder, 'data');
  python = await pythonEnvironment(own);
});
afterAll(() => rm(folder, { recursive: true }));

interface Ran {
  domains: string[];
  golden: number;
  difference: number;
  labels: string[];
  answers: number[][];
}

/** Runs an exported model in Python, which knows nothing of the program. */
async function runInPython(exported: string): Promise<Ran> {
  const child = spawn(python, [path.join(own, 'run.py'), exported], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(items));
  return (await json(child.stdout)) as Ran;
}

/** What the program itself answers to the items, in the order of the labels. */
async function answersOf(head: string, labels: readonly string[]): Promise<number[][]> {
  const answers: number[][] = [];
  for (const { text, image } of items) {
    const content = [...(text ? ['--text', text] : []), ...(image ? ['--image', image] : [])];
    const { value } = await runForJson(data, 'predict', '--head', head, '--top-k', '99', ...content);
    const given: { label: string; probability: number }[] = value.labels;
    answers.push(labels.map((label) => given.find((one) => one.label === label)?.probability ?? Number.NaN));
  }
  return answers;
}

function expectClose(
  actual: readonly number[][],
  expected: readonly number[][],
  tolerances: readonly number[],
) {
  for (const [item, row] of expected.entries())
    for (const [label, probability] of row.entries())
      expect(Math.abs(actual[item][label] - probability)).toBeLessThan(tolerances[item]);
}

describe('a head as one ONNX model', () => {
  it.each([[[]], [['--plain']]])('answers in Python as the server does, by export %j', async (flags) => {
    const exported = path.join(folder, `emoji${flags.join()}`);
    const { code, value } = await runForJson(
      data,
      ...['heads', 'export', 'emoji', '--to', 'onnx', '--output', exported, ...flags],
    );
    expect(code).toBe(0);
    expect(value).toMatchObject({ name: 'emoji', version: 1, folder: exported });
    expect(value.inputs).toEqual(['pixels', 'input_ids', 'attention_mask', 'has_image', 'has_text']);
    expect(value.largestDifference).toBeLessThan(1e-6);
    const ran = await runInPython(exported);
    expect(ran.golden).toBe(3);
    expect(ran.difference).toBeLessThan(1e-5);
    expect(ran.domains.includes('com.microsoft')).toBe(flags.length === 0);
    // Pillow and libvips scale an image to pixels that differ by 0.2 of 255.
    expectClose(ran.answers, await answersOf('emoji', ran.labels), [1e-5, 0.02, 0.02]);
    expect(await readFile(path.join(exported, 'README.md'), 'utf8')).toContain('MiniLM-L6-v2: apache-2.0');
  });

  it('takes the characters of texts along where its head reads them', async () => {
    const sample = path.join(folder, 'sample');
    await smallSample(sample, 3, 14);
    const trained = await runCommand(
      ...['train', sample, '--head', 'three', '--lexical', 'on', '--no-search', '--data', data],
    );
    expect(trained.stdout).toContain('three@1');
    const exported = path.join(folder, 'three');
    const { stdout } = await runCommand(
      'heads',
      'export',
      'three',
      '--to',
      'onnx',
      '--output',
      exported,
      '--data',
      data,
    );
    expect(stdout).toMatch(/^three@1 and its encoders are one model, .*model\.onnx \(\d+ MiB\); .*$/m);
    const ran = await runInPython(exported);
    expect(ran.difference).toBeLessThan(1e-5);
    expectClose(ran.answers, await answersOf('three', ran.labels), [1e-5, 0.02, 0.02]);
  });

  it('is refused with the reason where the head takes columns of a table', async () => {
    const table = path.join(folder, 'prices.csv');
    const rows = Array.from(
      { length: 40 },
      (_, row) => `${row},a text ${row % 7},${row < 20 ? 'cheap' : 'dear'}`,
    );
    await writeFile(table, `price,text,label\n${rows.join('\n')}\n`);
    const columns = ['--table-columns', 'price', '--no-search', '--data', data];
    expect((await runCommand('train', table, '--head', 'prices', ...columns)).code).toBe(0);
    const refused = await runCommand('heads', 'export', 'prices', '--to', 'onnx', '--data', data);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'its features of a table are made of columns, which is not done in ONNX',
    );
  });
});
