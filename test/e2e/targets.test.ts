import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { splitExamples } from '../../src/datasets/split/split.ts';
import { runCommand, type StartedServer, startServer } from './server.ts';

let folder: string;
let data: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'targets-'));
  data = path.join(folder, 'data');
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

const animals = ['cat', 'dog', 'horse', 'owl', 'trout'];
const colours = ['red', 'blue', 'green'];
const amounts = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

/** A hundred texts and what is to be learnt about each. */
async function writeTexts(name: string, rows: { text: string; label: unknown }[]): Promise<string> {
  const dataset = path.join(folder, name);
  await mkdir(dataset);
  await writeFile(path.join(dataset, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  return dataset;
}

async function train(dataset: string, head: string, target: string) {
  const { code, stdout, stderr } = await runCommand(
    ...['train', dataset, '--head', head, '--target', target, '--json', '--data', data],
  );
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

async function predict(head: string, text: string) {
  server ??= await startServer(data);
  const response = await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ head, inputs: [{ text }], topK: 1 }),
  });
  expect(response.status).toBe(200);
  return (await response.json()).results[0];
}

it('learns any of several labels, and gives all that pass their thresholds over HTTP', async () => {
  const rows = Array.from({ length: 105 }, (_, row) => {
    const [animal, colour] = [animals[row % 5], colours[row % 3]];
    const form = row % 2 === 0 ? `the ${animal} looks at a ${colour} ball` : `${colour} paint on a ${animal}`;
    return { text: `${form}, image ${row}`, label: [animal, colour] };
  });
  const {
    metrics,
    labels,
    folder: made,
  } = await train(await writeTexts('several', rows), 'several', 'multi');
  expect(labels).toEqual([...animals, ...colours].sort());
  expect(metrics.fused.microF1).toBeGreaterThan(0.8);
  const report = await readFile(path.join(made, 'report.html'), 'utf8');
  expect(report).toContain('Micro-F1');
  expect(report).not.toContain('NaN');

  const { labels: said } = await predict('several', 'a dog with a blue ball');
  const given = said
    .filter(({ given }: { given: boolean }) => given)
    .map(({ label }: { label: string }) => label);
  expect(given.sort()).toEqual(['blue', 'dog']);
});

it('keeps a label with the separator in it one label, from the check to the comparison of heads', async () => {
  const given = [['R|B', 'red'], ['R|B'], ['red'], []];
  const rows = Array.from({ length: 80 }, (_, row) => ({
    text: `${given[row % 4]?.map((label) => (label === 'red' ? 'red paint' : 'music')).join(' and ')} number ${row}`,
    label: given[row % 4],
  }));
  const folder = await writeTexts('separated', rows);
  const expected = ['R|B', 'red'];
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await runCommand(...words, '--json', '--data', data);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  const checked = await run('datasets', 'check', folder, '--target', 'multi');
  expect(checked.counts.labels).toEqual(expected.map((label) => ({ label, examples: 40 })));
  expect(checked.preview[0].truth).toEqual({ classes: expected });

  const imported = await run('datasets', 'import', folder, '--target', 'multi');
  const { id } = imported.dataset;
  const file = path.join(data, 'separated.zip');
  await run('datasets', 'export', id, file);
  const again = await run('datasets', 'import', file);
  expect(again).toMatchObject({ isNew: false, dataset: { id, labels: expected } });

  const trained = await run('train', id, '--head', 'separated', '--no-search');
  expect(trained.labels).toEqual(expected);
  const report = await readFile(path.join(trained.folder, 'report.html'), 'utf8');
  expect(report).toContain('R|B');
  const { labels } = await run('predict', '--head', 'separated', '--text', 'music and red paint');
  expect(labels.map(({ label }: { label: string }) => label).sort()).toEqual(expected);
  const { metrics } = await run('evaluate', folder, '--head', 'separated', '--target', 'multi');
  expect(metrics.fused).toMatchObject({ examples: 80 });
  const { onDataset } = await run('heads', 'compare', 'separated', 'separated', '--dataset', id);
  const { both, onlyFirst, onlySecond, neither } = onDataset.right;
  // Of 80 rows those that neither head learned from.
  expect([both + neither, onlyFirst, onlySecond]).toEqual([16, 0, 0]);
  expect(both).toBeGreaterThan(12);

  server ??= await startServer(data);
  const rowsOf = await fetch(`${server.address}/v1/datasets/${id}/rows?limit=1`);
  expect((await rowsOf.json()).rows[0].truth).toEqual({ classes: expected });
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ dataset: id, head: 'separated', search: false });
  const job = await finished(await fetch(`${server.address}/v1/jobs`, { method: 'POST', headers, body }));
  expect(job.result).toMatchObject({ version: 2, labels: expected });
});

it('learns numbers, and says them in their own unit over HTTP', async () => {
  const rows = Array.from({ length: 108 }, (_, row) => ({
    text: `${amounts[row % 9]} apples in basket ${String.fromCharCode(97 + (row % 26))} of shed ${row}`,
    label: 1000 + 100 * (row % 9),
  }));
  const { metrics, folder: made } = await train(await writeTexts('numbers', rows), 'numbers', 'regression');
  expect(metrics.fused.determination).toBeGreaterThan(0.8);
  const report = await readFile(path.join(made, 'report.html'), 'utf8');
  expect(report).toContain('Said and true');
  expect(report).not.toContain('NaN');

  const [few, many] = [
    await predict('numbers', 'two apples in a basket'),
    await predict('numbers', 'nine apples in a basket'),
  ];
  expect(few.labels).toEqual([]);
  expect(few.value).toBeGreaterThan(900);
  expect(many.value).toBeLessThan(2000);
  expect(many.value - few.value).toBeGreaterThan(300);
});

it('trains in a job on a table with columns and a split as the request says', async () => {
  server ??= await startServer(data);
  const rows = Array.from(
    { length: 60 },
    (_, row) => `the ${animals[row % 2]} number ${row};${animals[row % 2]}`,
  );
  const body = new FormData();
  body.set('file', new Blob([`Satz;Klasse\n${rows.join('\n')}\n`]), 'saetze.csv');
  const fields = {
    head: 'mapped',
    search: 'false',
    textColumn: 'Satz',
    labelColumn: 'Klasse',
    splitBy: 'content-hash',
    testShare: '0.4',
  };
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  const job = await finished(await fetch(`${server.address}/v1/jobs`, { method: 'POST', body }));
  const { examples } = splitOf(rows);
  expect(job.result).toMatchObject({ labels: ['cat', 'dog'], examples });
});

/** The job of a request once it has ended well. */
async function finished(response: Response) {
  expect(response.status).toBe(202);
  const address = `${server.address}/v1/jobs/${(await response.json()).id}`;
  const job = async () => (await fetch(address)).json();
  await expect.poll(job, { interval: 300 }).toHaveProperty('finishedAt');
  const ended = await job();
  expect(ended.error).toBeUndefined();
  return ended;
}

/** What the trainer ought to make of the rows: each by its content, four in ten to test on. */
function splitOf(rows: string[]) {
  const examples = rows.map((row) => ({
    content: { text: row.split(';')[0] },
    label: row.split(';')[1],
  }));
  const { train, test } = splitExamples(examples, { seed: 0, testShare: 0.4, method: 'content-hash' });
  return { examples: { training: train.length, test: test.length } };
}
