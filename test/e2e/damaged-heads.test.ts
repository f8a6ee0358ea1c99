import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { HeadRegistry } from '../../src/heads/registry/heads.ts';
import { openStore } from '../../src/store/store.ts';
import { problemOf } from '../unit/protocols/double.ts';
import { storeAt } from '../unit/store/test-store.ts';
import { form, runCommand, type StartedServer, startServer } from './server.ts';

const emoji = fileURLToPath(new URL('../../models/heads/emoji/1/', import.meta.url));

let folder: string;
let data: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'damaged-heads-'));
  data = path.join(folder, 'data');
  server = await startServer(data);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const predict = async (head: string, text: string) =>
  fetch(`${server.address}/v1/predict`, { method: 'POST', body: await form({ head, text }) });

/** Registers a copy of the head that ships with the program. @returns where this machine has its files */
async function place(name: string): Promise<string> {
  const store = await openStore(storeAt(data));
  try {
    const registered = await new HeadRegistry(store).register(name, async (folder, version) => {
      await cp(emoji, folder, { recursive: true });
      const file = path.join(folder, 'head.json');
      const manifest = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, JSON.stringify({ ...manifest, name, version }));
    });
    return registered.folder;
  } finally {
    await store.close();
  }
}

it('serves no file that is not the registered one, and other heads go on', async () => {
  const damaged = await place('edited');
  const label = path.join(damaged, 'head.json');
  await writeFile(label, (await readFile(label, 'utf8')).replace('food-drink', 'dogs-cats'));
  const problem = await problemOf(await predict('edited', 'a slice of pizza'));
  expect(problem).toMatchObject({ status: 500, code: 'damaged-artifact' });
  expect(problem.detail).toContain('head.json does not have the sha256');
  const changed = await place('changed');
  await appendFile(path.join(changed, 'head.onnx'), 'more');
  const other = await problemOf(await predict('changed', 'a slice of pizza'));
  expect(other).toMatchObject({ code: 'damaged-artifact', detail: expect.stringContaining('head.onnx') });
  const exported = await fetch(`${server.address}/v1/heads/changed/versions/1/export`);
  expect(await problemOf(exported)).toMatchObject({ code: 'damaged-artifact' });
  expect((await predict('emoji', 'a slice of pizza')).status).toBe(200);
});

it('lists the other heads where one is damaged, and says what is wrong with that one', async () => {
  await place('broken');
  const store = await openStore(storeAt(data));
  const { query } = store.database;
  await query
    .updateTable('headVersion')
    .set({ manifest: '{"format":1' })
    .where('name', '=', 'broken')
    .execute();
  await store.close();
  await vi.waitFor(async () => {
    const { heads, damaged } = await (await fetch(`${server.address}/v1/heads`)).json();
    expect(heads).toContainEqual(expect.objectContaining({ name: 'emoji' }));
    expect(damaged).toEqual([
      { name: 'broken', version: 1, problem: expect.stringContaining('broken@1 cannot be used') },
    ]);
  }, 300_000);
  const asked = await fetch(`${server.address}/v2/models/broken`);
  expect(await problemOf(asked)).toMatchObject({ code: 'damaged-artifact' });
  const listed = JSON.parse((await runCommand('heads', 'list', '--json', '--data', data)).stdout);
  expect(listed.damaged).toHaveLength(1);
  expect(listed.heads.map(({ name }: { name: string }) => name)).toContain('emoji');
});
