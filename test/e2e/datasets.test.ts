import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { form, runCommand, type StartedServer, smallSample, startServer, zip } from './server.ts';

let folder: string;
let sample: string;
let archive: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'datasets-'));
  sample = path.join(folder, 'sample');
  archive = path.join(folder, 'sample.zip');
  await smallSample(sample, 3, 4);
  const names = await readdir(sample);
  const files = names.map(async (name) => [name, await readFile(path.join(sample, name))] as const);
  await zip(archive, Object.fromEntries(await Promise.all(files)));
});
afterAll(() => rm(folder, { recursive: true }));

describe('datasets over HTTP', () => {
  let server: StartedServer;
  beforeAll(async () => {
    const data = path.join(folder, 'server');
    await mkdir(path.join(data, 'datasets', 'broken'), { recursive: true });
    await writeFile(path.join(data, 'datasets', 'broken', 'metadata.csv'), 'file_name,label\nabsent.png,x\n');
    server = await startServer(data);
  });
  afterAll(() => server.stop());
  const post = async (body: FormData | object, query = '') => {
    const isForm = body instanceof FormData;
    const response = await fetch(`${server.address}/v1/datasets${query}`, {
      method: 'POST',
      body: isForm ? body : JSON.stringify(body),
      headers: isForm ? {} : { 'Content-Type': 'application/json' },
    });
    return { status: response.status, body: await response.json() };
  };

  it('are brought as a zip, shown with small images, exported, brought again, and deleted', async () => {
    const tried = await post(await form({}, { file: archive }), '?dryRun=true');
    expect(tried.body).toMatchObject({
      name: 'sample',
      problemCount: 0,
      counts: { examples: 12, content: { image: { examples: 12 } } },
    });
    expect(tried.body.preview[0]).toMatchObject({ at: 'metadata.jsonl row 1', image: expect.any(String) });
    expect(await (await fetch(`${server.address}/v1/datasets`)).json()).toMatchObject({
      total: 0,
      datasets: [],
    });

    const { status, body: dataset } = await post(await form({ name: 'Three kinds' }, { file: archive }));
    expect(status).toBe(201);
    expect(dataset.id).toMatch(/^three-kinds-[0-9a-f]{12}$/);
    const at = `${server.address}/v1/datasets/${dataset.id}`;
    const page = await (await fetch(`${at}/rows?offset=10&limit=5`)).json();
    expect(page).toMatchObject({ total: 12, offset: 10 });
    expect(page.rows).toHaveLength(2);
    expect(page.rows[0].image.thumbnail.url).toMatch(/^data:image\/webp;base64,/);

    const exported = path.join(folder, 'Three kinds.zip');
    await writeFile(exported, await (await fetch(`${at}/export`)).bytes());
    expect((await fetch(at, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(at)).status).toBe(404);
    const { body: again } = await post(await form({}, { file: exported }));
    expect({ ...again, createdAt: '' }).toEqual({ ...dataset, createdAt: '' });

    const submit = (reading: object) =>
      fetch(`${server.address}/v1/jobs`, {
        method: 'POST',
        body: JSON.stringify({ head: 'kinds', dataset: dataset.id, ...reading }),
        headers: { 'Content-Type': 'application/json' },
      });
    const misread = await submit({ labelColumn: 'kind', target: 'single' });
    expect(misread.status).toBe(400);
    expect((await misread.json()).errors).toEqual([
      { at: 'labelColumn', detail: expect.stringContaining('was read when it was imported') },
    ]);
    const unknown = await submit({ dataset: 'none' });
    expect(await unknown.json()).toMatchObject({
      status: 404,
      detail: `no dataset is named "none"; there are: ${dataset.id}, broken`,
    });
    const job = await submit({});
    expect(job.status).toBe(202);
    expect((await fetch(at, { method: 'DELETE' })).status).toBe(409);
    await fetch(`${server.address}${job.headers.get('Location')}`, { method: 'DELETE' });
  });

  it('with problems are refused, and addresses too unless they are switched on', async () => {
    const refused = await post({ folder: 'broken' });
    expect(refused).toMatchObject({ status: 422, body: { errors: expect.any(Array) } });
    expect(refused.body.errors).toContainEqual({
      at: 'metadata.csv row 2',
      detail: 'there is no file "absent.png"',
    });
    expect((await post({ folder: 'broken' }, '?dryRun=true')).body.problemCount).toBeGreaterThan(0);
    expect((await post({ url: 'http://127.0.0.1/pets.zip' })).status).toBe(403);
  });
});

describe('the command datasets', () => {
  const data = () => path.join(folder, 'command');
  const runJson = async (...args: string[]) => {
    const { code, stdout } = await runCommand('datasets', ...args, '--json', '--data', data());
    return { code, value: JSON.parse(stdout) };
  };

  it('checks, imports, lists, exports and deletes', async () => {
    expect((await runJson('check', sample)).value).toMatchObject({ isUsable: true, problems: [] });
    const { value: imported } = await runJson('import', sample, '--name', 'kinds');
    const { id } = imported.dataset;
    expect((await runJson('list')).value.datasets).toEqual([imported.dataset]);
    const misread = await runCommand('train', id, '--head', 'kinds', '--target', 'multi', '--data', data());
    expect(misread).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`target: the dataset ${id} was read when it was imported`),
    });
    const file = path.join(folder, 'kinds.zip');
    expect((await runJson('export', id, file)).value).toEqual({ id, file });
    expect((await runJson('import', file)).value).toEqual({ isNew: false, dataset: imported.dataset });
    expect((await runJson('delete', id)).value).toEqual({ deleted: id });
    expect((await runJson('delete', id)).value.error.code).toBe('unknown-dataset');
  });

  it('lists every problem, as lines for people, and fails', async () => {
    const broken = path.join(folder, 'broken.csv');
    await writeFile(broken, 'text,label\n,x\nb,\nc,y\n');
    const { code, stdout } = await runCommand('datasets', 'check', broken, '--data', data());
    expect(code).toBe(1);
    expect(stdout).toContain('broken.csv row 2: neither an image nor a text');
    expect(stdout).toContain('broken.csv row 3: no label: "label" is empty');
  });
});
