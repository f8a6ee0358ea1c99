import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headFiles } from '../../src/heads/manifest.ts';
import type { Job } from '../../src/jobs/job.ts';
import { fixtures, form, type StartedServer, smallSample, startServer, zip, zipFolder } from './server.ts';

let folder: string;
let sample: string;
let server: StartedServer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'end-to-end-'));
  sample = path.join(folder, 'data', 'datasets', 'small');
  await mkdir(path.dirname(sample), { recursive: true });
  await smallSample(sample, 3, 16);
  server = await startServer(path.join(folder, 'data'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const post = (address: string, body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(`${server.address}${address}`, { method: 'POST', body, headers });
const postJson = (address: string, value: unknown) =>
  post(address, JSON.stringify(value), { 'Content-Type': 'application/json' });

/** What a job names to train on a folder of the server's: where jobs may run on another server, what it is imported as. */
async function trainable(name: string): Promise<string> {
  if (!process.env.TEST_DATABASE_URL) return name;
  return (await (await postJson('/v1/datasets', { folder: name })).json()).id;
}

/** The head.json of what a job has made. */
async function manifestOf({ result }: Job) {
  return JSON.parse(await readFile(path.join(result?.folder ?? '', headFiles.manifest), 'utf8'));
}

/** Follows a job's events to its end. */
async function follow(id: string): Promise<{ job: Job; types: string[]; ids: number[] }> {
  const response = await fetch(`${server.address}/v1/jobs/${id}/events`);
  const blocks = (await response.text()).split('\n\n').filter((block) => block.includes('event:'));
  const field = (block: string, name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(block)?.[1] ?? '';
  return {
    job: JSON.parse(field(blocks[blocks.length - 1], 'data')),
    types: blocks.map((block) => field(block, 'event')),
    ids: blocks.map((block) => Number(field(block, 'id'))),
  };
}

describe('a fresh server', () => {
  it('lives, is ready, and has the head that it ships with', async () => {
    expect(await (await fetch(`${server.address}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${server.address}/readyz`)).json()).toMatchObject({ status: 'ready' });
    const { heads } = await (await fetch(`${server.address}/v1/heads`)).json();
    expect(heads).toContainEqual(
      expect.objectContaining({ name: 'emoji', version: 1, modalities: ['image', 'text'] }),
    );
  });

  it('classifies a text that it has never seen', async () => {
    const response = await post(
      '/v1/predict',
      await form({ head: 'emoji', text: 'a slice of pizza with cheese' }),
    );
    const { head, results } = await response.json();
    expect(head).toEqual({ name: 'emoji', version: 1 });
    expect(results[0]).toMatchObject({ modalities: ['text'], labels: expect.any(Array) });
    expect(results[0].labels[0].label).toBe('food-drink');
    expect(results[0].confidence).toBe(results[0].labels[0].probability);
  });

  it('measures every stage of an item’s way, what is remembered, how each head’s items end, and on what it runs', async () => {
    const image = { image: path.join(fixtures, 'coffee.jpg') };
    await post('/v1/predict', await form({ text: 'counted' }, image));
    await post('/v1/predict', await form({ text: 'counted' }));
    const text = await (await fetch(`${server.address}/metrics`)).text();
    for (const stage of ['decode', 'tokenize', 'queue', 'encode', 'head'])
      expect(text).toMatch(new RegExp(`^tandem_stage_seconds_count{stage="${stage}"} [1-9]`, 'm'));
    for (const modality of ['image', 'text']) {
      expect(text).toMatch(
        new RegExp(`^tandem_batch_items_count{modality="${modality}",encoder="[^"]+"} [1-9]`, 'm'),
      );
      expect(text).toMatch(
        new RegExp(`^tandem_queue_items{modality="${modality}",encoder="[^"]+"} \\d`, 'm'),
      );
    }
    expect(text).toMatch(
      /^tandem_memory_lookups_total\{modality="text",encoder="[^"]+",result="hit"\} [1-9]/m,
    );
    expect(text).toMatch(/^tandem_predictions_total\{head="emoji",version="1",outcome="ok"\} [1-9]/m);
    expect(text).toMatch(/^tandem_info\{version="[^"]+",provider="cpu"\} 1/m);
  });

  it('answers from image and text together, and says what each alone would say', async () => {
    const body = await form({ text: 'a hot drink', topK: '3' }, { image: path.join(fixtures, 'coffee.jpg') });
    const { results } = await (await post('/v1/predict', body)).json();
    expect(results[0].modalities.sort()).toEqual(['image', 'text']);
    expect(results[0].labels).toHaveLength(3);
    for (const modality of ['image', 'text']) {
      const total = results[0].unimodal[modality].labels.length;
      expect(total).toBe(3);
      expect(results[0].unimodal[modality].confidence).toBeGreaterThan(0);
    }
    expect(Object.keys(results[0].timings).sort()).toEqual(['decode', 'encode', 'head', 'queue']);
  });

  it('takes a batch as JSON, images as base64 or data URLs, each with the answer that it gets alone', async () => {
    const image = (await readFile(path.join(fixtures, 'cat.jpg'))).toString('base64');
    const inputs = [{ image: image }, { image: `data:image/jpeg;base64,${image}` }, { text: 'a red car' }];
    const { results } = await (await postJson('/v1/predict', { head: 'emoji', topK: 8, inputs })).json();
    expect(results).toHaveLength(3);
    expect(results[1].labels).toEqual(results[0].labels);
    const alone = await (await postJson('/v1/predict', { topK: 8, inputs: [{ text: 'a red car' }] })).json();
    expect(alone.results[0].labels[0].label).toBe(results[2].labels[0].label);
    expect(alone.results[0].confidence).toBeCloseTo(results[2].confidence, 4);
  });
});

describe('a fine-tuning over HTTP', () => {
  it('trains on an uploaded zip while predictions go on, and serves the head without a restart', async () => {
    await zipFolder(sample, path.join(folder, 'small.zip'));
    const accepted = await post(
      '/v1/jobs',
      await form({ head: 'three', seed: '1', lexical: 'off' }, { file: path.join(folder, 'small.zip') }),
    );
    expect(accepted.status).toBe(202);
    const { id } = await accepted.json();
    expect(accepted.headers.get('Location')).toBe(`/v1/jobs/${id}`);

    const events = follow(id);
    let predictions = 0;
    const predicting = (async () => {
      while ((await (await fetch(`${server.address}/v1/jobs/${id}`)).json()).state !== 'succeeded') {
        const response = await post('/v1/predict', await form({ text: 'a dog' }));
        expect(response.status).toBe(200);
        predictions++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const { job, types, ids } = await events;
    await predicting;
    expect(predictions).toBeGreaterThan(0);
    expect(job).toMatchObject({ state: 'succeeded', result: { head: 'three', version: 1 } });
    expect(types).toContain('progress');
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(job.result!.metrics.fused.accuracy).toBeGreaterThan(0.6);

    const { head, results } = await (
      await post('/v1/predict', await form({ head: 'three', text: 'a happy dog' }))
    ).json();
    expect(head).toEqual({ name: 'three', version: 1 });
    expect(job.result!.labels).toContain(results[0].labels[0].label);
    expect((await readdir(job.result!.folder)).sort()).toEqual(Object.values(headFiles).sort());
    expect((await manifestOf(job)).training.search.candidates).toHaveLength(2);
    await expect.poll(() => readdir(path.join(folder, 'data', 'uploads'))).toEqual([]);
  });

  it('trains on a dataset that lies on the server, without a search where asked, and replays the events that a reader missed', async () => {
    const dataset = await trainable('small');
    const { id } = await (await postJson('/v1/jobs', { head: 'three', dataset, search: false })).json();
    const { job, ids } = await follow(id);
    expect(job).toMatchObject({ state: 'succeeded', result: { version: 2 } });
    expect((await manifestOf(job)).training).not.toHaveProperty('search');
    const replay = await fetch(`${server.address}/v1/jobs/${id}/events`, {
      headers: { 'Last-Event-ID': String(ids[ids.length - 1] - 1) },
    });
    const text = await replay.text();
    expect(text.match(/^id:/gm)).toHaveLength(1);
    expect(text).toContain('"state":"succeeded"');
  });

  it('cancels a job, and goes on with the next', async () => {
    const dataset = await trainable('small');
    const first = await (await postJson('/v1/jobs', { head: 'never', dataset })).json();
    const second = await (await postJson('/v1/jobs', { head: 'never', dataset })).json();
    await expect
      .poll(async () => (await (await fetch(`${server.address}/v1/jobs/${first.id}`)).json()).state)
      .toBe('running');
    const cancel = async ({ id }: { id: string }) =>
      (await (await fetch(`${server.address}/v1/jobs/${id}`, { method: 'DELETE' })).json()).state;
    expect([await cancel(second), await cancel(first)]).toEqual(['cancelled', 'cancelling']);
    for (const { id } of [first, second]) expect((await follow(id)).job.state).toBe('cancelled');
    const { heads } = await (await fetch(`${server.address}/v1/heads`)).json();
    expect(heads.map(({ name }: { name: string }) => name)).not.toContain('never');
  });

  it('names every bad row of a dataset in the job, and leaves nothing behind', async () => {
    const rows = ['file_name,text,label', 'gone.jpg,a cat,cat', ',a dog,dog', ',,dog', ',a fish,fish'].join(
      '\n',
    );
    await zip(path.join(folder, 'bad.zip'), { 'metadata.csv': rows });
    const { id } = await (
      await post('/v1/jobs', await form({ head: 'bad' }, { file: path.join(folder, 'bad.zip') }))
    ).json();
    const { job } = await follow(id);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'invalid-dataset' } });
    const places = job.error!.items.map(({ at, detail }) => `${at}: ${detail}`).join('\n');
    for (const expected of [/row 2.*gone\.jpg/, /row 4/, /cat/, /fish/]) expect(places).toMatch(expected);
    await expect.poll(() => readdir(path.join(folder, 'data', 'uploads'))).toEqual([]);
  });

  it('refuses a head name, a dataset and an archive that are none', async () => {
    const cases = [
      [postJson('/v1/jobs', { head: '../x', dataset: 'small' }), 400, 'head'],
      [postJson('/v1/jobs', { head: 'x', dataset: '..' }), 400, 'dataset'],
      [postJson('/v1/jobs', { head: 'x', dataset: 'smal' }), 404, 'small'],
      [post('/v1/jobs', await form({ head: 'x' })), 400, 'file'],
    ] as const;
    for (const [response, status, named] of cases) {
      expect((await response).status).toBe(status);
      expect(JSON.stringify(await (await response).json())).toContain(named);
    }
  });
});
