import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { create, extract } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHeadManifest } from '../../src/inference/head.ts';
import type { HeadManifest } from '../../src/inference/head-manifest.ts';
import { exportHead, importHead } from '../../src/inference/head-package.ts';
import { EngineEnded } from '../../src/runtime/engine.ts';
import { EnginePool } from '../../src/runtime/engine-pool.ts';
import { sha256OfFile } from '../../src/store/files/checksum.ts';
import { HeadRegistry } from '../../src/store/heads/heads.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { storeAt } from '../store/test-store.ts';

const shipped = fileURLToPath(new URL('../../models/heads/', import.meta.url));
const { encoders } = await readHeadManifest(path.join(shipped, 'emoji', '1'));
const [image, text] = encoders.map(({ fingerprint }) => fingerprint);

let folder: string;
let loader: EnginePool;
let registry: HeadRegistry;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'packages-'));
  await mkdir(path.join(folder, 'workspace'));
  loader = EnginePool.start({ engines: 1, provider: 'cpu', threads: 1 });
  store = await openStore(storeAt(folder));
  registry = new HeadRegistry(store, shipped);
});
afterAll(async () => {
  await loader.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const workspace = () => path.join(folder, 'workspace');
const pack = async () => buffer(await exportHead(await registry.open('emoji@1'), workspace()));
const bring = async (bytes: Buffer, options: object = {}) => {
  const file = path.join(folder, 'upload');
  await writeFile(file, bytes);
  return importHead(registry, file, {
    fingerprints: { image, text },
    loader,
    workspace: workspace(),
    ...options,
  });
};

/** The package with something changed in its folder. */
async function changed(change: (folder: string) => Promise<unknown>): Promise<Buffer> {
  const scratch = await mkdtemp(path.join(folder, 'changed-'));
  await writeFile(path.join(folder, 'whole.tar'), await pack());
  await extract({ file: path.join(folder, 'whole.tar'), cwd: scratch });
  await change(scratch);
  return buffer(create({ cwd: scratch, portable: true }, await readdir(scratch)) as never);
}

/** The same with another head.json, which the package vouches for. */
const changedManifest = (change: (manifest: HeadManifest) => object) =>
  changed(async (at) => {
    const file = path.join(at, 'head.json');
    await writeFile(file, JSON.stringify(change(await readHeadManifest(at))));
    const own = path.join(at, 'manifest.json');
    const manifest = JSON.parse(await readFile(own, 'utf8'));
    manifest.files['head.json'] = await sha256OfFile(file);
    await writeFile(own, JSON.stringify(manifest));
  });

describe('a head as one file', () => {
  it('is the same bytes every time, and becomes the next version of its name elsewhere, unchanged', async () => {
    const bytes = await pack();
    expect(await pack()).toEqual(bytes);
    const first = await bring(bytes);
    expect([first.name, first.version]).toEqual(['emoji', 2]);
    const [mine, theirs] = await Promise.all(
      [first.folder, path.join(shipped, 'emoji', '1')].map(readHeadManifest),
    );
    expect(mine).toEqual({ ...theirs, version: 2 });
    const weights = (where: string) => readFile(path.join(where, 'head.onnx'));
    expect(await weights(first.folder)).toEqual(await weights(path.join(shipped, 'emoji', '1')));
    expect(await readdir(first.folder)).toEqual(['head.json', 'head.onnx', 'report.html']);
    const named = await bring(bytes, { name: 'pets' });
    expect([named.name, named.version]).toEqual(['pets', 1]);
    expect(await readHeadManifest(named.folder)).toEqual({ ...theirs, name: 'pets' });
  });

  it('is refused where its encoder is another', async () => {
    await expect(
      bring(await pack(), { fingerprints: { image, text: 'f'.repeat(64) } }),
    ).rejects.toMatchObject({
      code: 'head-conflict',
      message: expect.stringMatching(/another text encoder \(all-MiniLM-L6-v2/),
    });
  });

  it.each<[string, RegExp, (folder: string) => Promise<unknown>]>([
    [
      'a file changed',
      /report\.html does not have the sha256/,
      (at) => writeFile(path.join(at, 'report.html'), ''),
    ],
    ['a file missing', /head\.onnx is missing/, (at) => rm(path.join(at, 'head.onnx'))],
    ['no manifest', /no manifest\.json/, (at) => rm(path.join(at, 'manifest.json'))],
    ['a manifest that is none', /cannot be read/, (at) => writeFile(path.join(at, 'manifest.json'), '{}')],
    ['a file too many', /run\.js does not belong/, (at) => writeFile(path.join(at, 'run.js'), '')],
    [
      'a folder in it',
      /does not belong/,
      (at) => cp(path.join(at, 'head.json'), path.join(at, 'more', 'head.json'), { recursive: true }),
    ],
  ])('is refused with %s, and nothing is registered', async (_what, message, change) => {
    const before = await registry.list();
    await expect(bring(await changed(change))).rejects.toMatchObject({ code: 'invalid-head', message });
    expect(await registry.list()).toEqual(before);
    expect(await readdir(workspace())).toEqual([]);
  });

  it('is refused where its model answers for more labels than it names', async () => {
    const before = await registry.list();
    const bytes = await changedManifest(({ labels, ...rest }) => ({ ...rest, labels: labels.slice(1) }));
    await expect(bring(bytes)).rejects.toMatchObject({
      code: 'invalid-head',
      message: expect.stringMatching(/a number for each of its 7 labels/),
    });
    expect(await registry.list()).toEqual(before);
  });

  it('is tried even while no engine is there to load it, and that is not held against it', async () => {
    const pool = EnginePool.start({ engines: 1, provider: 'cpu', threads: 1 });
    await pool.close();
    await expect(bring(await pack(), { loader: pool })).rejects.toThrow(EngineEnded);
  });

  it('is refused where it is no archive at all, or breaks off', async () => {
    for (const bytes of [Buffer.from('no tar'), (await pack()).subarray(0, 100_000), Buffer.alloc(0)])
      await expect(bring(bytes)).rejects.toMatchObject({ code: 'invalid-head' });
  });

  it('is refused a name that is none', async () => {
    await expect(bring(await pack(), { name: '../pets' })).rejects.toMatchObject({ code: 'invalid-request' });
  });
});
