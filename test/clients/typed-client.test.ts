import { createReadStream, openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ApiError,
  createTandemClient,
  form,
  type JobEvent,
  jobEvents,
  jobPredictions,
  type TandemClient,
  type Upload,
} from '../../clients/typescript/client.ts';
import { type StartedServer, startServer, zip } from '../e2e/server.ts';
import { plainPhotos } from '../plain-photos.ts';

let folder: string;
let archive: string;
let server: StartedServer;
let tandem: TandemClient;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'typed-client-'));
  archive = path.join(folder, 'photos.zip');
  await zip(archive, await plainPhotos(12));
  server = await startServer(folder);
  tandem = createTandemClient(server.address);
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function upload(content: Exclude<Upload, File>['content'], name = 'a "b" é.zip') {
  const { data, error } = await tandem.POST(
    '/v1/datasets',
    form({ file: { name, content }, target: 'single' }),
  );
  if (error) throw new ApiError(error);
  if (!('id' in data)) throw new Error('it was a dry run');
  return data;
}

it('sends the same file as a blob, as bytes, as a web stream and as a stream of Node’s', async () => {
  const blob = await openAsBlob(archive);
  const first = await upload(blob);
  expect(first).toMatchObject({ name: 'a "b" é', counts: { examples: 36 } });
  for (const content of [await blob.bytes(), blob.stream(), createReadStream(archive)])
    expect((await upload(content)).id).toBe(first.id);
});

it('fails where a stream of an upload fails', async () => {
  await expect(upload(createReadStream(path.join(folder, 'none.zip')))).rejects.toThrow();
});

it('throws what the server says is wrong', async () => {
  const events = jobEvents(tandem, 'none').next();
  await expect(events).rejects.toThrow(ApiError);
  await expect(events).rejects.toMatchObject({ problem: { status: 404, fix: expect.any(String) } });
});

it('follows a job over a restart of the server, without seeing an event twice', async () => {
  const port = new URL(server.address).port;
  const { data, error } = await tandem.POST(
    '/v1/jobs',
    form({ file: { name: 'photos.zip', content: await openAsBlob(archive) }, head: 'colours' }),
  );
  if (error) throw new ApiError(error);
  const events: JobEvent[] = [];
  let isRestarted = false;
  for await (const event of jobEvents(tandem, data.id)) {
    events.push(event);
    if (isRestarted || event.type !== 'progress') continue;
    isRestarted = true;
    expect(await server.stop()).toBe(0);
    server = await startServer(folder, '--port', port);
  }
  expect(isRestarted).toBe(true);
  expect(events.at(-1)?.job).toMatchObject({ state: 'succeeded', result: { head: 'colours' } });
  const ids = events.map(({ id }) => Number(id));
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
});

it('measures a head, and reads its answers one by one', async () => {
  const file = { name: 'photos.zip', content: await openAsBlob(archive) };
  const { data, error } = await tandem.POST('/v1/jobs', form({ file, evaluate: 'colours' }));
  if (error) throw new ApiError(error);
  const events = await Array.fromAsync(jobEvents(tandem, data.id));
  const evaluation = events.at(-1)?.job.evaluation;
  expect(evaluation).toMatchObject({ head: { name: 'colours', version: 1 }, dataset: 'photos' });
  const rows = await Array.fromAsync(jobPredictions(tandem, data.id));
  expect(rows).toHaveLength(36);
  const right = rows.filter(({ correct }) => correct).length;
  expect(right / 36).toBeCloseTo(evaluation?.metrics.fused.accuracy ?? Number.NaN, 6);
  await expect(jobPredictions(tandem, 'none').next()).rejects.toThrow(ApiError);
});

it('stops following when its signal is aborted', async () => {
  const { data } = await tandem.POST(
    '/v1/jobs',
    form({ file: { name: 'photos.zip', content: await openAsBlob(archive) }, head: 'left' }),
  );
  const leaving = new AbortController();
  const follow = async () => {
    for await (const _ of jobEvents(tandem, data!.id, { signal: leaving.signal })) leaving.abort();
  };
  await expect(follow()).rejects.toThrow(/abort/);
  await tandem.DELETE('/v1/jobs/{id}', { params: { path: { id: data!.id } } });
});
