import { readdir, readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import type { DatasetUpload, Services } from '../../../src/protocols/pipeline/services.ts';
import { dataset, fetch, problemOf, sendForm, sendJson, serve, services } from './double.ts';

function recordingDatasets(replaced: Partial<Services['datasets']> = {}) {
  const double = services();
  const add = vi.fn(async (_upload: DatasetUpload) => ({ dataset, isNew: true }));
  Object.assign(double.datasets, { add, ...replaced });
  return { double, added: add.mock.calls };
}

it('takes an upload, which lies on disk while it is read, and says where the dataset is', async () => {
  let content = '';
  const { double } = recordingDatasets({
    add: async ({ source }) => {
      if ('file' in source) content = `${source.fileName}: ${await readFile(source.file, 'utf8')}`;
      return { dataset, isNew: true };
    },
  });
  const { address, uploads } = await serve(double);
  const form = new FormData();
  form.set('file', new Blob(['zip']), 'größe.zip');
  form.set('labelColumn', 'kind');
  const response = await fetch(`${address}/v1/datasets`, { method: 'POST', body: form });
  expect(response.status).toBe(201);
  expect(response.headers.get('Location')).toBe(`/v1/datasets/${dataset.id}`);
  expect(await response.json()).toEqual(dataset);
  expect(content).toBe('größe.zip: zip');
  expect(await readdir(uploads)).toEqual([]);
});

it('takes a folder of the server or an address, with the names of its columns', async () => {
  const { double, added } = recordingDatasets();
  const { address } = await serve(double);
  await sendJson(`${address}/v1/datasets`, { folder: 'pets', name: 'My pets', textColumn: 'caption' });
  await sendJson(`${address}/v1/datasets`, { url: 'https://example.org/pets.zip' });
  expect(added.map(([upload]) => upload)).toEqual([
    { source: { folder: 'pets' }, options: { name: 'My pets', textColumn: 'caption' } },
    { source: { url: 'https://example.org/pets.zip' }, options: {} },
  ]);
});

it('says 200 for a dataset that was there, and gives a dry run its own answer', async () => {
  const { double } = recordingDatasets({ add: async () => ({ dataset, isNew: false }) });
  const { address } = await serve(double);
  expect((await sendJson(`${address}/v1/datasets`, { folder: 'pets' })).status).toBe(200);
  const tried = await sendJson(`${address}/v1/datasets?dryRun=true`, { folder: 'pets' });
  expect(await tried.json()).toMatchObject({ problemCount: 0, problems: [], preview: [] });
});

it.each<[string, object]>([
  ['folder', { folder: '../secret' }],
  ['folder', { folder: '.hidden' }],
  ['the request', {}],
  ['the request', { folder: 'a', url: 'https://example.org' }],
  ['colour', { folder: 'a', colour: 'red' }],
])('names the field %s of a bad request', async (at, body) => {
  const { double, added } = recordingDatasets();
  const { address } = await serve(double);
  expect(await problemOf(await sendJson(`${address}/v1/datasets`, body))).toMatchObject({
    code: 'invalid-request',
    errors: [{ at }],
  });
  expect(added).toEqual([]);
});

it('keeps nothing of a form that is refused', async () => {
  const add = () => Promise.reject(new TandemError('invalid-dataset', 'pets has 2 problems'));
  const { double } = recordingDatasets({ add });
  const { address, uploads } = await serve(double);
  const zip = new Blob(['zip']);
  const forms: [Record<string, string | Blob>, string][] = [
    [{ file: zip }, 'invalid-dataset'],
    [{ file: zip, colour: 'red' }, 'invalid-request'],
    [{ file: 'text' }, 'invalid-request'],
    [{ other: zip }, 'invalid-request'],
  ];
  for (const [fields, code] of forms)
    expect((await problemOf(await sendForm(`${address}/v1/datasets`, fields))).code).toBe(code);
  expect(await readdir(uploads)).toEqual([]);
});

it('lists, shows, pages, exports and deletes', async () => {
  const rows = vi.fn(async (_id: string, page: { offset: number; limit: number }) => ({
    total: 3,
    offset: page.offset,
    rows: [],
  }));
  const { double } = recordingDatasets({ rows });
  const { address } = await serve(double);
  const at = `${address}/v1/datasets`;
  expect(await (await fetch(at)).json()).toEqual({ offset: 0, total: 1, datasets: [dataset] });
  expect(await (await fetch(`${at}/x`)).json()).toEqual(dataset);
  await fetch(`${at}/x/rows?offset=2&limit=1`);
  await fetch(`${at}/x/rows`);
  expect(rows.mock.calls).toEqual([
    ['x', { offset: 2, limit: 1 }],
    ['x', { offset: 0, limit: 50 }],
  ]);
  for (const query of ['offset=-1', 'limit=0', 'limit=1000', 'limit=x', 'page=1'])
    expect((await problemOf(await fetch(`${at}/x/rows?${query}`))).code).toBe('invalid-request');
  const exported = await fetch(`${at}/x/export`);
  expect(await exported.text()).toBe('zip');
  expect(exported.headers.get('Content-Disposition')).toContain("filename*=UTF-8''gr%C3%B6%C3%9Fe.zip");
  expect((await fetch(`${at}/x`, { method: 'DELETE' })).status).toBe(204);
});

it('knows no dataset that is not there, and deletes none that is in use', async () => {
  const unknown = () => Promise.reject(new TandemError('unknown-dataset', 'no dataset has the id "x"'));
  const inUse = () => Promise.reject(new TandemError('dataset-in-use', 'the job 7 trains on it'));
  const { double } = recordingDatasets({ get: unknown, rows: unknown, export: unknown, delete: inUse });
  const { address } = await serve(double);
  for (const path of ['', '/rows', '/export'])
    expect(await problemOf(await fetch(`${address}/v1/datasets/x${path}`))).toMatchObject({
      status: 404,
      code: 'unknown-dataset',
    });
  const refused = await fetch(`${address}/v1/datasets/x`, { method: 'DELETE' });
  expect(await problemOf(refused)).toMatchObject({ status: 409, code: 'dataset-in-use' });
});
