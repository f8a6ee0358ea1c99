import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, onTestFinished, vi } from 'vitest';
import { dropDeletedHeads } from '../../../src/app/deleted-heads.ts';
import { HeadCache } from '../../../src/heads/cache.ts';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { temporaryStore } from '../store/test-store.ts';

const emoji = fileURLToPath(new URL('../../../models/heads/emoji/1', import.meta.url));
const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

it('lets go of a loaded head that another server deleted, and keeps the others', async () => {
  const store = await temporaryStore();
  const registry = new HeadRegistry(store);
  const manifest = JSON.parse(await readFile(path.join(emoji, 'head.json'), 'utf8'));
  const cache = new HeadCache(() => engine, { find: async () => true }, 2 ** 30);
  for (const name of ['cats', 'dogs'])
    await registry.register(name, async (folder, version) => {
      await copyFile(path.join(emoji, 'head.onnx'), path.join(folder, 'head.onnx'));
      await writeFile(path.join(folder, 'head.json'), JSON.stringify({ ...manifest, name, version }));
    });
  for (const name of ['cats', 'dogs'])
    await cache.use(await registry.open(name), async ({ manifest }) => expect(manifest.name).toBe(name));
  expect(cache.loaded.heads).toBe(2);
  const onError = vi.fn();
  onTestFinished(dropDeletedHeads(registry, cache, onError, 20));
  await new HeadRegistry(await temporaryStore(store.options.data)).delete('cats', 1);
  await expect.poll(() => cache.loaded.heads).toBe(1);
  expect(cache.versions.map(({ folder }) => folder)).toEqual([(await registry.open('dogs')).folder]);
  expect(onError).not.toHaveBeenCalled();
});
