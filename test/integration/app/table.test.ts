import { createWriteStream } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writePricedSet } from '../../../scripts/priced-set.ts';
import { openTandem, type Tandem } from '../../../src/index.ts';
import { open } from './open-tandem.ts';

const tableColumns = ['price', 'brand'];
const text = 'a lamp, as new';
const dear = { text, table: { price: 190 } };
const cheap = { text, table: { price: 25, brand: null } };

let folder: string;
let set: string;
let tandem: Tandem;
let address: string;
let trained: Awaited<ReturnType<Tandem['train']>>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tandem-table-'));
  set = path.join(folder, 'priced');
  await writePricedSet(set, { rows: 120, seed: 3 });
  tandem = await openTandem({ data: path.join(folder, 'data'), logLevel: 'silent' });
  trained = await tandem.train(set, { head: 'priced', tableColumns, search: false });
  ({ address } = await tandem.listen({ port: 0 }));
});
afterAll(async () => {
  await tandem?.close();
  await rm(folder, { recursive: true });
});

async function post(place: string, body: object | FormData) {
  const isForm = body instanceof FormData;
  const response = await fetch(`${address}${place}`, {
    method: 'POST',
    body: isForm ? body : JSON.stringify(body),
    headers: isForm ? {} : { 'Content-Type': 'application/json' },
  });
  return { status: response.status, body: await response.json() };
}

it('learns from three modalities where the price decides, and wins by it', () => {
  const { fused, unimodal } = trained.metrics;
  expect(Object.keys(unimodal)).toEqual(['image', 'text', 'table']);
  expect(unimodal.table?.accuracy).toBeGreaterThan(0.9);
  expect(fused.accuracy).toBeGreaterThan(
    Math.max(unimodal.text?.accuracy ?? 1, unimodal.image?.accuracy ?? 1),
  );
});

it('answers with the values and without them', async () => {
  const { results } = await tandem.predict([dear, cheap, { text }, { table: { price: 190 } }], {
    head: 'priced',
  });
  expect(results).toMatchObject([
    { labels: [{ label: 'dear' }, {}], modalities: ['text', 'table'] },
    { labels: [{ label: 'cheap' }, {}], modalities: ['text', 'table'] },
    { modalities: ['text'] },
    { labels: [{ label: 'dear' }, {}], modalities: ['table'] },
  ]);
});

it('scores and evaluates a table with decimal commas as the same with points', async () => {
  const write = async (name: string, lines: string[]) => {
    const file = path.join(folder, name);
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  };
  const points = ['text|price|label', `${text}|190.5|dear`, `${text}|1025|dear`, `${text}|25|cheap`];
  const commas = ['text|price|label', `${text}|190,5|dear`, `${text}|1.025|dear`, `${text}|25|cheap`];
  const tables = await Promise.all(
    Object.entries({ points, commas }).map(([name, lines]) =>
      write(
        `${name}.tsv`,
        lines.map((line) => line.replaceAll('|', '\t')),
      ),
    ),
  );
  const answers = [];
  for (const table of tables) {
    const out = `${table}.scored.jsonl`;
    const { failed } = await tandem.score(table, { head: 'priced', out });
    const rows = (await readFile(out, 'utf8')).trim().split('\n');
    const { metrics } = await tandem.evaluate(table, { head: 'priced', tableColumns: ['price'] });
    answers.push([failed, rows.map((row) => ({ ...JSON.parse(row), price: 0 })), metrics]);
  }
  expect(answers[1]).toEqual(answers[0]);
  const either = await write('either.tsv', ['text\tprice', `${text}\t1,025`, `${text}\t25`]);
  await expect(tandem.score(either, { head: 'priced', out: `${either}.jsonl` })).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('can be read in two ways'),
  });
});

it('explains by which column an answer moves, as two predictions differ', async () => {
  const item = { text, table: { price: 190, brand: 'Acme' } };
  const { body } = await post('/v1/predict', { head: 'priced', explain: true, inputs: [item] });
  const [{ explanation }] = body.results;
  const { results } = await tandem.predict([{ text, table: { brand: 'Acme' } }, { text }], {
    head: 'priced',
  });
  const [withoutPrice, withoutTable] = results.map((result) =>
    'labels' in result ? result.labels.find(({ label }) => label === explanation.label)?.probability : result,
  );
  expect(explanation).toMatchObject({
    label: 'dear',
    modalities: {
      table: {
        parts: [
          { column: 'price', value: 190 },
          { column: 'brand', value: 'Acme' },
        ],
      },
    },
  });
  const { parts, effect } = explanation.modalities.table;
  expect(parts[0].effect).toBeCloseTo(explanation.answer - Number(withoutPrice), 5);
  expect(parts[0].effect).toBeGreaterThan(Math.abs(parts[1].effect));
  expect(effect).toBeCloseTo(explanation.answer - Number(withoutTable), 5);
});

it('names the training examples that an item resembles, and the dataset where it is registered', async () => {
  const image = await readFile(path.join(set, '7.png'));
  const ask = async () => {
    const { results } = await tandem.predict([{ image, text }], { head: 'priced', explain: { parts: 4 } });
    return results.flatMap((result) => ('labels' in result ? (result.explanation?.nearest ?? []) : []));
  };
  const lines = (await readFile(path.join(set, 'metadata.csv'), 'utf8')).trim().split('\n');
  const nearest = await ask();
  expect(nearest).toHaveLength(5);
  for (const { row, truth, dataset } of nearest) {
    expect(lines[row - 1]?.endsWith(`,${'class' in truth ? truth.class : ''}`)).toBe(true);
    expect(dataset).toBeUndefined();
  }
  const similarities = nearest.map(({ similarity }) => similarity);
  expect(similarities).toEqual(similarities.toSorted((a, b) => b - a));
  expect(nearest[0]?.similarity).toBeLessThanOrEqual(1.01);
  const imported = (await tandem.datasets.import(set, { name: 'nearest', tableColumns })).dataset;
  const [first] = await ask();
  expect(first?.dataset).toBe(imported.id);
  const { body } = await post('/v1/predict', {
    ...{ head: 'priced', explain: true, explainParts: 4 },
    inputs: [{ image: image.toString('base64'), text }],
  });
  const [linked] = body.results[0].explanation.nearest;
  expect(linked).toMatchObject({ row: first?.row, dataset: imported.id });
  const page = await (await fetch(`${address}${linked.href}`)).json();
  expect(page).toMatchObject({ total: 120, rows: [{ row: first?.row, truth: first?.truth, image: {} }] });
  expect(page.rows).toHaveLength(1);
  await tandem.datasets.delete(imported.id);
  expect((await ask())[0]).toEqual(nearest[0]);
});

it('takes values over JSON, and names the column that does not fit', async () => {
  const { body } = await post('/v1/predict', {
    head: 'priced',
    inputs: [dear, cheap, { table: { prise: 3 } }, { table: { price: 'cheap' } }, { table: { price: null } }],
  });
  expect(body.results).toMatchObject([
    { labels: [{ label: 'dear' }, {}] },
    { labels: [{ label: 'cheap' }, {}] },
    { error: { type: '/problems/invalid-table', detail: expect.stringContaining('"brand", "price"') } },
    { error: { type: '/problems/invalid-table', errors: [{ at: 'table.price' }] } },
    { error: { type: '/problems/empty-request' } },
  ]);
  const wide = { table: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`c${index}`, 1])) };
  expect(await post('/v1/predict', { head: 'priced', inputs: [wide] })).toMatchObject({
    status: 400,
    body: { type: '/problems/invalid-request', errors: [{ at: 'inputs[0].table' }] },
  });
});

it('takes values in a form, as JSON', async () => {
  const form = new FormData();
  form.set('head', 'priced');
  form.set('table', JSON.stringify(dear.table));
  const image = await readFile(path.join(set, '0.png'));
  form.set('image', new Blob([image]), '0.png');
  expect((await post('/v1/predict', form)).body.results).toMatchObject([
    { labels: [{ label: 'dear' }, {}], modalities: ['image', 'table'] },
  ]);
  const broken = new FormData();
  broken.set('table', '{');
  expect(await post('/v1/predict', broken)).toMatchObject({
    status: 400,
    body: { errors: [{ at: 'table' }] },
  });
});

it('takes values as a tensor of the Open Inference Protocol', async () => {
  const model = await (await fetch(`${address}/v2/models/priced`)).json();
  expect(model.inputs).toMatchObject([
    { name: 'image' },
    { name: 'text' },
    { name: 'table', datatype: 'BYTES', shape: [-1] },
    { name: 'image_features' },
    { name: 'text_features' },
  ]);
  const tensor = (name: string, data: string[]) => ({ name, datatype: 'BYTES', shape: [data.length], data });
  const infer = (values: string[]) =>
    post('/v2/models/priced/infer', {
      inputs: [
        tensor(
          'text',
          values.map(() => text),
        ),
        tensor('table', values),
      ],
      outputs: [{ name: 'label' }],
    });
  const { body } = await infer([JSON.stringify(dear.table), '{"price": 25}', '']);
  expect(body.outputs[0].data.slice(0, 2)).toEqual(['dear', 'cheap']);
  expect(await infer(['{"price": [1]}'])).toMatchObject({
    status: 400,
    body: { type: '/problems/invalid-request' },
  });
});

it('shows which columns a head takes', async () => {
  const { heads } = await (await fetch(`${address}/v1/heads`)).json();
  const { encoders } = heads.find(({ name }: { name: string }) => name === 'priced');
  expect(encoders[2]).toMatchObject({
    modality: 'table',
    columns: [
      { name: 'brand', kind: 'category' },
      { name: 'price', kind: 'number' },
    ],
  });
  expect(encoders[2]).not.toHaveProperty('fitted');
});

it('shows the values in the report', async () => {
  const report = await readFile(path.join(trained.folder, 'report.html'), 'utf8');
  expect(/price \d+(\.\d+)? · brand (Acme|Borealis|Corvid)/.test(report)).toBe(true);
});

it('answers the same where a head was exported and imported', async () => {
  const file = path.join(folder, 'priced.tar');
  const { content } = await tandem.heads.export('priced');
  await pipeline(content, createWriteStream(file));
  const { tandem: other } = await open();
  await other.heads.import(file);
  const [own, others] = await Promise.all(
    [tandem, other].map(async (each) => (await each.predict([dear, cheap], { head: 'priced' })).results),
  );
  const labelsOf = (results: typeof own) => results?.map((each) => ('labels' in each ? each.labels : each));
  expect(labelsOf(others)).toEqual(labelsOf(own));
});

it('measures a head by the columns that it was trained on', async () => {
  const { metrics } = await tandem.evaluate(set, { head: 'priced', tableColumns });
  expect(metrics.unimodal.table?.accuracy).toBeGreaterThan(0.9);
  const failed = tandem.evaluate(set, {
    head: 'priced',
    tableColumns: ['price', 'text'],
    textColumn: 'brand',
  });
  await expect(failed).rejects.toMatchObject({
    code: 'invalid-dataset',
    items: expect.arrayContaining([{ at: 'row 2', detail: expect.stringContaining('table.text') }]),
  });
});

it('imports a dataset with its columns, exports it, and imports it as the same', async () => {
  const { dataset } = await tandem.datasets.import(set, { name: 'priced', tableColumns });
  expect(dataset.counts.content).toMatchObject({ image: { examples: 120 }, table: { examples: 120 } });
  const [row] = (await tandem.datasets.rows(dataset.id, { offset: 0, limit: 1 })).rows;
  expect(row?.table).toEqual({ brand: expect.any(String), price: expect.any(Number) });
  const file = path.join(folder, 'priced.zip');
  await pipeline((await tandem.datasets.export(dataset.id)).content, createWriteStream(file));
  const { tandem: other } = await open();
  const again = await other.datasets.import(file, { name: 'priced' });
  expect(again.dataset).toMatchObject({ id: dataset.id, hash: dataset.hash });
});

it('trains a job with columns that a request names', async () => {
  await cp(set, path.join(folder, 'data/datasets/priced'), { recursive: true });
  const { status, body: job } = await post('/v1/jobs', {
    ...{
      head: 'by-values',
      dataset: 'priced',
      tableColumns: 'price, brand',
      strategy: 'table',
      search: false,
    },
  });
  expect(status).toBe(202);
  await expect
    .poll(async () => (await (await fetch(`${address}/v1/jobs/${job.id}`)).json()).state)
    .toBe('succeeded');
  const { results } = await tandem.predict([{ table: { price: 190 } }], { head: 'by-values' });
  expect(results).toMatchObject([{ labels: [{ label: 'dear' }, {}], modalities: ['table'] }]);
});

it.each([
  [{ tableColumns: ['prise'] }, 'invalid-dataset'],
  [{ tableColumns: ['price', 'label'] }, 'invalid-request'],
  [{ tableColumns: ['price', 'price'] }, 'invalid-request'],
  [{ tableColumns: ['__proto__'] }, 'invalid-request'],
  [{ tableColumns: Array.from({ length: 33 }, String) }, 'invalid-request'],
  [{ tableColumns: ['text'], textColumn: 'brand' }, 'invalid-dataset'],
  [{ tableColumns: ['text'] }, 'invalid-request'],
  [{ tableColumns, fusion: 'gated' as const }, 'invalid-recipe'],
])('refuses a training that cannot use its columns: %j', async (options, code) => {
  await expect(tandem.train(set, { head: 'refused', search: false, ...options })).rejects.toMatchObject({
    code,
  });
});

it.each([
  ['regression' as const, (price: number) => 3 * price + 10],
  ['multi' as const, (price: number) => (price > 50 ? ['dear', 'offer'] : ['cheap', 'offer'])],
])('learns a target from columns where texts and values are missing: %s', async (target, labelOf) => {
  const place = path.join(folder, target);
  const rows = Array.from({ length: 80 }, (_, row) => {
    const price = (row * 37) % 100;
    return {
      ...(row % 5 !== 0 && { text: `offer ${row} of the week` }),
      ...(row % 7 !== 1 && { price }),
      ...(row % 7 !== 1 && row % 3 === 0 && { town: `town ${row % 4}` }),
      ...(row % 5 === 0 && row % 7 === 1 && { town: 'town 0' }),
      label: labelOf(price),
    };
  });
  await mkdir(place);
  await writeFile(path.join(place, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const options = { target, tableColumns: ['price', 'town'], search: false };
  await tandem.train(place, { head: target, ...options });
  const { results } = await tandem.predict([{ table: { price: 90 } }, { table: { price: 5 } }], {
    head: target,
  });
  const [high, low] = results.map((result) => ('labels' in result ? result : undefined));
  const { results: explained } = await tandem.predict([{ table: { price: 90, town: 'town 1' } }], {
    ...{ head: target, explain: target === 'multi' ? { label: 'dear' } : true },
  });
  const [prediction] = explained.map((result) => ('explanation' in result ? result : undefined));
  const { label, answer, modalities } = prediction?.explanation ?? {};
  expect(label).toBe(target === 'multi' ? 'dear' : undefined);
  if (target === 'regression') expect(answer).toBe(prediction?.value);
  else expect(answer).toBe(prediction?.labels.find((each) => each.label === 'dear')?.probability);
  const [price, town] = modalities?.table?.parts ?? [];
  expect([price, town]).toMatchObject([{ column: 'price' }, { column: 'town' }]);
  expect(price?.effect).toBeGreaterThan(Math.abs(town?.effect ?? 1));
  if (target === 'regression') expect(high?.value).toBeGreaterThan((low?.value ?? 1000) + 50);
  else expect([high?.labels[0]?.given, low?.labels[0]?.given]).toEqual([true, true]);
});
