import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openTandem, type Tandem } from '../../../src/index.ts';
import { type HostedModel, ModelHub } from '../../model-hub.ts';
import { writeTinyTextModel } from '../../tiny-text-model.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const model = 'some-lab/tiny';

let folder: string;
let data: string;
let hub: ModelHub;
let tandem: Tandem;
let address: string;
const secrets = { train: '', admin: '' };

/** A server whose hub has a tiny model. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'encoders-over-http-'));
  data = path.join(folder, 'data');
  await writeTinyTextModel(path.join(folder, 'tiny'));
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'];
  const files: HostedModel['files'] = {};
  for (const name of names) files[name] = await readFile(path.join(folder, 'tiny', name));
  hub = await ModelHub.start({ [model]: { commit, files } });
  tandem = await openTandem({ data, logLevel: 'silent', hub: hub.address });
  ({ address } = await tandem.listen({ port: 0 }));
  for (const scope of ['train', 'admin'] as const)
    secrets[scope] = (await tandem.keys.create(scope, scope)).secret;
});
afterAll(async () => {
  await tandem.close();
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  await rm(path.join(data, 'hub'), { recursive: true, force: true });
  hub.requests.length = 0;
  hub.faults.length = 0;
});

/** Asks `/v1/encoders` with a key. */
const ask = (
  method: string,
  at: string,
  {
    key = 'admin',
    body,
    accept = 'application/json',
  }: { key?: 'train' | 'admin'; body?: object; accept?: string } = {},
) =>
  fetch(`${address}/v1/encoders${at}`, {
    method,
    headers: {
      Authorization: `Bearer ${secrets[key]}`,
      Accept: accept,
      ...(body && { 'Content-Type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
  });

it('adds a model of the hub, shows it, and removes it', async () => {
  const added = await ask('POST', '', { body: { model, pooling: 'mean', name: 'small' } });
  expect(added.status).toBe(201);
  expect(added.headers.get('Location')).toBe('/v1/encoders/small');
  const encoder = await added.json();
  expect(encoder).toMatchObject({
    ...{ id: 'small', modality: 'text', dimension: 4, place: 'added', isNonCommercial: false },
    origin: { folder: `${model}@${commit}`, settings: { pooling: 'mean' } },
  });
  // Paths of the server are nobody else's business.
  expect(JSON.stringify(encoder)).not.toContain(data);
  const { encoders } = await (await ask('GET', '')).json();
  expect(encoders.map(({ id }: { id: string }) => id)).toEqual([
    'all-MiniLM-L6-v2',
    'efficientnet-lite0',
    'efficientnet-lite0-whole',
    'small',
  ]);
  expect(await (await ask('GET', `/${encoder.fingerprint.slice(0, 12)}`)).json()).toEqual(encoder);
  expect((await ask('DELETE', '/efficientnet-lite0')).status).toBe(409);
  expect((await ask('DELETE', '/small')).status).toBe(204);
  expect((await ask('GET', '/small')).status).toBe(404);
});

it('checks an encoder again, files and features', async () => {
  const added = await ask('POST', '', { body: { model, pooling: 'mean', name: 'small' } });
  const { fingerprint } = await added.json();
  const checked = await ask('POST', '/small/check');
  expect(checked.status).toBe(200);
  expect(await checked.json()).toMatchObject({
    ...{ id: 'small', fingerprint, origin: { folder: `${model}@${commit}` } },
    proof: { items: 5, runDifference: 0, milliseconds: { alone: expect.any(Number) } },
  });
  const bundled = await (await ask('POST', '/all-MiniLM-L6-v2/check')).json();
  expect(bundled.proof.batchDifference).toBeLessThan(1e-5);
  await writeFile(path.join(data, 'encoders', fingerprint, 'tokenizer.json'), '{}');
  const damaged = await (await ask('POST', '/small/check')).json();
  expect(damaged).toMatchObject({
    type: '/problems/damaged-artifact',
    detail: expect.stringContaining('tokenizer.json'),
  });
  expect((await ask('POST', '/nothing/check')).status).toBe(404);
  expect((await ask('POST', '/small/check', { key: 'train' })).status).toBe(403);
  // Added again it is whole.
  await ask('POST', '', { body: { model, pooling: 'mean' } });
  expect((await ask('POST', '/small/check')).status).toBe(200);
  await writeFile(path.join(data, 'encoders', fingerprint, 'tokenizer.json'), '{}');
  expect((await ask('DELETE', '/small')).status).toBe(204);
});

it('says how far it is, a line at a time, and what went wrong in the last one', async () => {
  const accept = 'application/x-ndjson';
  const linesOf = async (response: Response) =>
    (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const wrong = await ask('POST', '', { body: { model }, accept });
  expect(wrong.headers.get('Content-Type')).toContain(accept);
  const failed = await linesOf(wrong);
  expect(failed[0]).toMatchObject({ stage: 'downloading', total: expect.any(Number) });
  expect(failed.at(-1)).toMatchObject({
    error: { type: '/problems/invalid-encoder', fix: expect.stringContaining('--pooling') },
  });
  expect(await readdir(path.join(data, 'encoders'))).toEqual([]);
  hub.requests.length = 0;
  const lines = await linesOf(await ask('POST', '', { body: { model, pooling: 'cls' }, accept }));
  expect(lines).toMatchObject([{ encoder: { id: 'tiny' } }]);
  expect(hub.paths.filter((each) => each.includes('/resolve/'))).toEqual([]);
});

it('takes names of the hub alone, from admins alone', async () => {
  for (const other of [
    '/etc',
    './tiny',
    'http://127.0.0.1:1/x',
    '../tiny',
    'https://example.org/some-lab/tiny',
  ])
    expect((await ask('POST', '', { body: { model: other } })).status, other).toBe(400);
  for (const [method, at] of [
    ['GET', ''],
    ['POST', ''],
    ['GET', '/tiny'],
    ['DELETE', '/tiny'],
  ])
    expect(
      (await ask(method, at, { key: 'train', ...(method === 'POST' && { body: { model } }) })).status,
      method,
    ).toBe(403);
  expect(hub.requests).toEqual([]);
  const unknown = await ask('POST', '', { body: { model: 'some-lab/nothing' } });
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({
    type: '/problems/unknown-model',
    detail: expect.stringContaining('404'),
  });
});

it('ends a download whose caller leaves, and resumes it for the next', async () => {
  let isHeld = false;
  hub.faults.push(({ url }, response) => {
    if (isHeld || !url?.includes('X-Signature')) return false;
    isHeld = true;
    response.on('close', () => hub.requests.push({ at: 'storage', path: 'left' }));
    response.writeHead(200, { 'Content-Length': '1000000' });
    response.write(Buffer.alloc(1000));
    return true;
  });
  const left = await ask('POST', '', { body: { model, pooling: 'cls' }, accept: 'application/x-ndjson' });
  await expect.poll(() => isHeld).toBe(true);
  await left.body?.cancel();
  await expect.poll(() => hub.paths).toContain('left');
  expect((await ask('POST', '', { body: { model, pooling: 'cls' } })).status).toBe(201);
});
