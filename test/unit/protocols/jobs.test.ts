import { mkdir, readdir, readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import type { Services } from '../../../src/protocols/pipeline/services.ts';
import { connect, fetch, job, problemOf, sendForm, sendJson, serve, services } from './double.ts';

type Submission = Parameters<Services['jobs']['submit']>[0];

function recordingJobs() {
  const submit = vi.fn(async (_request: Submission) => job('queued'));
  return { double: services({}, { submit }), asked: submit.mock.calls };
}

it('starts a job on a dataset of the server and says where it is', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const response = await sendJson(`${address}/v1/jobs`, { head: 'pets', dataset: 'pets', seed: 7 });
  expect(response.status).toBe(202);
  expect(response.headers.get('Location')).toBe('/v1/jobs/a');
  expect(await response.json()).toEqual(job('queued'));
  expect(asked).toEqual([[{ work: { head: 'pets', seed: 7 }, source: { dataset: 'pets' } }, {}]]);
});

it('passes on how rows are read and how the test side is drawn, and refuses a share that is none', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const given = {
    ...{ imageColumn: 'photo', textColumn: 'caption', labelColumn: 'kind' },
    ...{ testShare: 0.3, splitBy: 'content-hash' },
  };
  const request = { head: 'pets', dataset: 'pets', ...given };
  expect((await sendJson(`${address}/v1/jobs`, request)).status).toBe(202);
  const form = { file: new Blob(['']), head: 'pets', ...given, testShare: '0.3' };
  expect((await sendForm(`${address}/v1/jobs`, form)).status).toBe(202);
  for (const [submitted] of asked) expect(submitted).toMatchObject(given);
  expect(asked).toHaveLength(2);
  for (const testShare of ['1', '0', '2', 'half', '1e-1'])
    expect((await sendForm(`${address}/v1/jobs`, { ...form, testShare })).status).toBe(400);
  for (const testShare of [0, 1, '0.3'])
    expect((await sendJson(`${address}/v1/jobs`, { ...request, testShare })).status).toBe(400);
  expect((await sendJson(`${address}/v1/jobs`, { ...request, splitBy: 'luck' })).status).toBe(400);
});

it('passes on what was chosen of the recipe, for a head and not for a comparison', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const chosen = { fusion: 'bilinear', variance: 'dropout', classWeights: 'balanced', lexical: 'off' };
  await sendJson(`${address}/v1/jobs`, { head: 'pets', dataset: 'pets', ...chosen });
  await sendJson(`${address}/v1/jobs`, { head: 'pets', dataset: 'pets', strategy: 'late' });
  expect(asked.map(([{ work }]) => work)).toMatchObject([
    { head: 'pets', recipe: { ...chosen, strategy: 'arl', hidden: 64 } },
    { head: 'pets', recipe: { strategy: 'late', fusion: 'late' } },
  ]);
  for (const [field, request] of [
    ['strategy', { compare: true, strategy: 'late' }],
    ['strategy', { evaluate: 'pets', strategy: 'late' }],
    ['strategy', { head: 'pets', strategy: 'better' }],
  ] as const) {
    const response = await sendJson(`${address}/v1/jobs`, { dataset: 'pets', ...request });
    expect(response.status).toBe(400);
    expect((await response.json()).errors).toEqual([expect.objectContaining({ at: field })]);
  }
});

it('passes on what is to be tuned and how, from JSON and from a form, and refuses the how without the what', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const request = { head: 'pets', dataset: 'pets' };
  const form = { file: new Blob(['']), head: 'pets' };
  const batches = { batchSize: 16, accumulate: 4, memory: 900 };
  await sendJson(`${address}/v1/jobs`, { ...request, tune: 'text:last-2', ...batches });
  await sendForm(`${address}/v1/jobs`, { ...form, tune: 'text:last-2,image:last-1', memory: '900' });
  expect(asked.map(([{ work }]) => work)).toEqual([
    { head: 'pets', seed: 0, tune: 'text:last-2', ...batches },
    { head: 'pets', seed: 0, tune: ['text:last-2', 'image:last-1'], memory: 900 },
  ]);
  for (const [field, asked] of [
    ['tune', { ...request, tune: 'text:first-2' }],
    ['memory', { ...request, memory: 900 }],
    ['batchSize', { ...request, tune: 'auto', batchSize: 1 }],
    ['tune', { dataset: 'pets', compare: true, tune: 'text:last-2' }],
  ] as const) {
    const response = await sendJson(`${address}/v1/jobs`, asked);
    expect(response.status).toBe(400);
    expect((await response.json()).errors).toEqual([expect.objectContaining({ at: field })]);
  }
});

it('passes on whether a recipe is searched for, from JSON and from a form', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const request = { head: 'pets', dataset: 'pets' };
  await sendJson(`${address}/v1/jobs`, { ...request, search: false });
  await sendForm(`${address}/v1/jobs`, { file: new Blob(['']), head: 'pets', search: 'false' });
  await sendForm(`${address}/v1/jobs`, { file: new Blob(['']), head: 'pets', search: 'true' });
  expect(asked.map(([{ work }]) => work)).toEqual([
    { head: 'pets', seed: 0, search: false },
    { head: 'pets', seed: 0, search: false },
    { head: 'pets', seed: 0, search: true },
  ]);
});

it('starts a comparison, and shows its page', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const request = { compare: true, seeds: 3, dataset: 'pets', target: 'multi', labelSeparator: ';' };
  expect((await sendJson(`${address}/v1/jobs`, request)).status).toBe(202);
  expect(asked).toEqual([
    [{ work: { compare: 3 }, source: { dataset: 'pets' }, target: 'multi', labelSeparator: ';' }, {}],
  ]);
  const page = await fetch(`${address}/v1/jobs/a/report`);
  expect(page.headers.get('Content-Type')).toContain('text/html');
  expect(page.headers.get('Content-Security-Policy')).toMatch(/^sandbox; default-src 'none'; /);
  expect(await page.text()).toContain('<title>report</title>');
});

it('starts an evaluation of a head, from JSON and from a form, and gives its answers as a file', async () => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const fields = { evaluate: 'pets@production', split: 'test', textColumn: 'caption' };
  expect((await sendJson(`${address}/v1/jobs`, { dataset: 'june', ...fields })).status).toBe(202);
  expect((await sendForm(`${address}/v1/jobs`, { file: zip, evaluate: 'pets' })).status).toBe(202);
  expect(asked.map(([{ work, textColumn }]) => ({ work, textColumn }))).toEqual([
    { work: { evaluate: { head: 'pets@production', split: 'test' } }, textColumn: 'caption' },
    { work: { evaluate: { head: 'pets' } } },
  ]);
  for (const [query, format, type] of [
    ['', 'csv', 'text/csv; charset=utf-8'],
    ['?format=jsonl', 'jsonl', 'application/x-ndjson'],
  ]) {
    const response = await fetch(`${address}/v1/jobs/a/predictions${query}`);
    expect(response.headers.get('Content-Type')).toBe(type);
    expect(response.headers.get('Content-Disposition')).toBe(`attachment; filename=predictions-a.${format}`);
    expect(await response.text()).toBe(format);
  }
  expect((await fetch(`${address}/v1/jobs/a/predictions?format=xlsx`)).status).toBe(400);
});

it('starts a job on an upload, which lies on disk under a name of the server’s', async () => {
  const content = 'z'.repeat(100_000);
  let stored = '';
  const { double, asked } = recordingJobs();
  const submit = double.jobs.submit;
  double.jobs.submit = async (request) => {
    if ('file' in request.source) stored = await readFile(request.source.file, 'utf8');
    return submit(request);
  };
  const { address, uploads } = await serve(double);
  const body = new FormData();
  body.set('file', new Blob([content]), '../größe.zip');
  body.set('head', 'pets');
  body.set('seed', '7');
  const response = await fetch(`${address}/v1/jobs`, { method: 'POST', body });
  expect(response.status).toBe(202);
  const [file] = await readdir(uploads);
  expect(asked[0][0]).toEqual({
    work: { head: 'pets', seed: 7 },
    source: { file: `${uploads}/${file}`, fileName: 'größe.zip' },
  });
  expect(stored).toBe(content);
});

const zip = new Blob(['zip']);
it.each<[string, Record<string, string | Blob>]>([
  ['head', { file: zip }],
  ['head', { file: zip, head: 'Pets' }],
  ['head', { file: zip, head: 'pets', compare: 'true' }],
  ['seeds', { file: zip, head: 'pets', seeds: '5' }],
  ['seed', { file: zip, compare: 'true', seed: '5' }],
  ['head', { file: zip, head: 'pets', evaluate: 'pets' }],
  ['evaluate', { file: zip, evaluate: 'Pets@2' }],
  ['split', { file: zip, evaluate: 'pets', split: 'validation' }],
  ['split', { file: zip, head: 'pets', split: 'test' }],
  ['testShare', { file: zip, evaluate: 'pets', testShare: '0.5' }],
  ['search', { file: zip, compare: 'true', search: 'false' }],
  ['search', { file: zip, head: 'pets', search: 'no' }],
  ['seed', { file: zip, head: 'pets', seed: '-1' }],
  ['seed', { file: zip, head: 'pets', seed: '' }],
  ['speed', { file: zip, head: 'pets', speed: '1' }],
  ['file', { head: 'pets' }],
  ['file', { head: 'pets', file: 'text' }],
  ['archive', { head: 'pets', archive: zip }],
])('names the field %s of a bad form and keeps nothing of it', async (at, fields) => {
  const { double, asked } = recordingJobs();
  const { address, uploads } = await serve(double);
  const problem = await problemOf(await sendForm(`${address}/v1/jobs`, fields));
  expect(problem).toMatchObject({ status: 400, code: 'invalid-request', errors: [{ at }] });
  expect(asked).toEqual([]);
  expect(await readdir(uploads)).toEqual([]);
});

it('says which field takes the file where there is none, or it came in another', async () => {
  const { address } = await serve(recordingJobs().double);
  const told = async (fields: Record<string, string | Blob>) =>
    (await problemOf(await sendForm(`${address}/v1/jobs`, { head: 'pets', ...fields }))).detail;
  expect(await told({})).toBe('file: the form has no such file; send it in the field "file"');
  expect(await told({ archive: zip })).toBe('archive: the form takes one file, in the field "file"');
});

it('keeps nothing of an upload that the queue refuses', async () => {
  const submit = () => Promise.reject(new TandemError('overloaded', 'full', { retryAfter: 60 }));
  const { address, uploads } = await serve(services({}, { submit }));
  const response = await sendForm(`${address}/v1/jobs`, { file: zip, head: 'pets' });
  expect(response.headers.get('Retry-After')).toBe('60');
  expect((await problemOf(response)).code).toBe('overloaded');
  expect(await readdir(uploads)).toEqual([]);
});

it('refuses an upload over the limit, with its length announced or not, and keeps nothing of it', async () => {
  const { double, asked } = recordingJobs();
  const { address, uploads } = await serve(double, { maximumUploadBytes: 10_000 });
  const form = new FormData();
  form.set('head', 'pets');
  form.set('file', new Blob(['z'.repeat(200_000)]));
  const announced = await fetch(`${address}/v1/jobs`, { method: 'POST', body: form });
  const { body, headers } = new Response(form);
  const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
  const unannounced = await fetch(`${address}/v1/jobs`, init);
  for (const response of [announced, unannounced])
    expect(await problemOf(response)).toMatchObject({
      status: 413,
      code: 'payload-too-large',
      detail: 'the request is larger than 10000 bytes',
    });
  expect(asked).toEqual([]);
  expect(await readdir(uploads)).toEqual([]);
});

it('refuses an upload that announces too much before it has come', async () => {
  const { address } = await serve(services(), { maximumUploadBytes: 10_000 });
  const socket = connect(address);
  let received = '';
  socket.on('data', (data) => {
    received += data;
  });
  socket.write(
    'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n' +
      'Content-Length: 10001\r\n\r\n',
  );
  await expect.poll(() => received).toContain('/problems/payload-too-large');
  socket.destroy();
});

it('keeps nothing of an upload that breaks off, and takes it for no error of its own', async () => {
  const { double, asked } = recordingJobs();
  const { address, uploads, logged } = await serve(double);
  const socket = connect(address);
  const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n';
  socket.write(
    'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n' +
      `Content-Length: 900000\r\n\r\n${part}${'z'.repeat(100_000)}`,
  );
  await expect.poll(() => readdir(uploads)).toHaveLength(1);
  socket.destroy();
  await expect.poll(() => readdir(uploads)).toEqual([]);
  await expect.poll(logged).toContain('"status":499');
  expect(logged()).not.toContain('unexpected error');
  expect(asked).toEqual([]);
});

it('leaves the rest of the upload folder alone', async () => {
  const { address, uploads } = await serve(recordingJobs().double);
  await mkdir(`${uploads}/other`);
  await sendForm(`${address}/v1/jobs`, { file: zip });
  expect(await readdir(uploads)).toEqual(['other']);
});

it.each(['../secret', '/etc', '.hidden', 'a/b', ''])('takes no %j for a dataset', async (dataset) => {
  const { double, asked } = recordingJobs();
  const { address } = await serve(double);
  const problem = await problemOf(await sendJson(`${address}/v1/jobs`, { head: 'pets', dataset }));
  expect(problem).toMatchObject({ code: 'invalid-request', errors: [{ at: 'dataset' }] });
  expect(asked).toEqual([]);
});

it('calls a request for a job without a body invalid', async () => {
  const { address } = await serve(services());
  const problem = await problemOf(await fetch(`${address}/v1/jobs`, { method: 'POST' }));
  expect(problem).toMatchObject({ code: 'invalid-request', detail: 'the request has no body' });
});

it('lists, shows and cancels jobs', async () => {
  const { address } = await serve(services());
  const read = async (path: string, method = 'GET') =>
    (await fetch(`${address}/v1/jobs${path}`, { method })).json();
  expect(await read('?limit=10')).toEqual({ offset: 0, total: 1, jobs: [job('queued')] });
  expect(await read('?limit=0')).toMatchObject({ status: 400 });
  expect(await read('/a')).toEqual(job('succeeded'));
  expect(await read('/a', 'DELETE')).toEqual(job('cancelled'));
});

it('knows no job that is not there', async () => {
  const { address } = await serve(services());
  for (const path of ['/v1/jobs/b', '/v1/jobs/b/events'])
    expect(await problemOf(await fetch(address + path))).toMatchObject({ status: 404, code: 'unknown-job' });
});
