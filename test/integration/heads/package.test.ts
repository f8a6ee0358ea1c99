import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { create, extract } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acceptanceOf } from '../../../src/heads/accept.ts';
import { readHeadManifest } from '../../../src/heads/head.ts';
import type { HeadManifest } from '../../../src/heads/manifest.ts';
import { exportHead, importHead } from '../../../src/heads/package.ts';
import type { Acceptance } from '../../../src/heads/registry/acceptance.ts';
import type { HeadVersion } from '../../../src/heads/registry/head-reading.ts';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { tryHead } from '../../../src/heads/trial.ts';
import { Random } from '../../../src/random.ts';
import { EngineEnded } from '../../../src/runtime/engine.ts';
import { sha256OfFile } from '../../../src/store/files/checksum.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { badAnswers, badHeads, plainHead } from '../../attack/payloads/heads.ts';
import { mutate } from '../../fuzz/mutate.ts';
import { storeAt } from '../../unit/store/test-store.ts';

const shipped = fileURLToPath(new URL('../../../models/heads/', import.meta.url));
const { encoders } = await readHeadManifest(path.join(shipped, 'emoji', '1'));
const [image, text] = encoders.map(({ fingerprint }) => fingerprint);

let folder: string;
let registry: HeadRegistry;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'packages-'));
  await mkdir(path.join(folder, 'workspace'));
  store = await openStore(storeAt(folder));
  registry = new HeadRegistry(store, shipped);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** A server that has the encoders of these fingerprints. */
const having = (...fingerprints: string[]) => ({
  find: async (fingerprint: string) => fingerprints.includes(fingerprint),
});
const workspace = () => path.join(folder, 'workspace');
const exportFolder = () => mkdtemp(path.join(workspace(), '.export-'));
const pack = async () => buffer(await exportHead(await registry.open('emoji@1'), exportFolder));
const bring = async (bytes: Buffer, options: object = {}) => {
  const file = path.join(folder, 'upload');
  await writeFile(file, bytes);
  return importHead(registry, file, {
    encoders: having(image, text),
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

/** The same with another content of one file, which the package vouches for. */
const changedFile = (name: string, contentOf: (folder: string) => Promise<string | Buffer>) =>
  changed(async (at) => {
    const file = path.join(at, name);
    await writeFile(file, await contentOf(at));
    const own = path.join(at, 'manifest.json');
    const manifest = JSON.parse(await readFile(own, 'utf8'));
    manifest.files[name] = await sha256OfFile(file);
    await writeFile(own, JSON.stringify(manifest));
  });
const changedManifest = (change: (manifest: HeadManifest) => object) =>
  changedFile('head.json', async (at) => JSON.stringify(change(await readHeadManifest(at))));

const form = { encoders, labels: ['a', 'b', 'c'] };

/** A package with another model, that vouches for it in every place; its report is short. */
const packed = (model: Uint8Array) =>
  changed(async (at) => {
    await writeFile(path.join(at, 'head.onnx'), model);
    await writeFile(path.join(at, 'report.html'), '<!doctype html>');
    for (const own of ['rows.jsonl.gz', 'neighbours.bin']) await rm(path.join(at, own), { force: true });
    const weights = await sha256OfFile(path.join(at, 'head.onnx'));
    const manifest = { ...(await readHeadManifest(at)), labels: form.labels, weights };
    await writeFile(path.join(at, 'head.json'), JSON.stringify(manifest));
    const own = path.join(at, 'manifest.json');
    const files = Object.fromEntries(
      await Promise.all(
        ['head.json', 'head.onnx', 'report.html'].map(
          async (name) => [name, await sha256OfFile(path.join(at, name))] as const,
        ),
      ),
    );
    await writeFile(own, JSON.stringify({ ...JSON.parse(await readFile(own, 'utf8')), files }));
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
    expect((await readdir(first.folder)).sort()).toEqual(
      (await readdir(path.join(shipped, 'emoji', '1'))).sort(),
    );
    const named = await bring(bytes, { name: 'pets' });
    expect([named.name, named.version]).toEqual(['pets', 1]);
    expect(await readHeadManifest(named.folder)).toEqual({ ...theirs, name: 'pets' });
  });

  it('is an imported head, whatever it was before and whatever its files say', async () => {
    expect((await registry.open('emoji@1')).origin).toBe('shipped');
    const bytes = await changedManifest((manifest) => ({ ...manifest, origin: 'trained' }));
    const brought = await bring(bytes, { name: 'claims' });
    expect(brought.origin).toBe('imported');
    const again = await bring(await buffer(await exportHead(brought, exportFolder)), { name: 'claims' });
    expect([again.version, again.origin]).toEqual([2, 'imported']);
  });

  it('takes along which answers are accepted, or that none are, though it was said after the training', async () => {
    const acceptance: Acceptance = {
      ...{ accuracy: 0.9, threshold: 0.625, reachedBy: 'estimate' },
      ...{ rows: 100, accepted: 80, right: 73 },
    };
    const sent = async (head: HeadVersion) => {
      const opened = await registry.open(`${head.name}@${head.version}`);
      const brought = await bring(await buffer(await exportHead(opened, exportFolder)), { name: 'deciding' });
      return { brought, decides: acceptanceOf(brought, await readHeadManifest(brought.folder)) };
    };
    const first = await bring(await pack(), { name: 'deciding' });
    await registry.setAcceptance('deciding', first.version, acceptance);
    const second = await sent(first);
    expect(second.decides).toEqual(acceptance);
    const third = await sent(second.brought);
    expect(third.decides).toEqual(acceptance);
    await registry.setAcceptance('deciding', third.brought.version, null);
    expect((await sent(third.brought)).decides).toBeUndefined();
  });

  it('is refused where an encoder of it is not here', async () => {
    await expect(bring(await pack(), { encoders: having(image) })).rejects.toMatchObject({
      code: 'head-conflict',
      message: expect.stringMatching(/the text encoder all-MiniLM-L6-v2 \(.*not here/),
    });
  });

  it('is refused where the record of its rows is none', async () => {
    const bytes = await changedFile('rows.jsonl.gz', async () => gzipSync('{"id":"somewhere"}\n'));
    await expect(bring(bytes)).rejects.toMatchObject({
      code: 'invalid-head',
      message: expect.stringMatching(/rows\.jsonl\.gz cannot be used: line 1/),
    });
  });

  it('is refused where the training rows that it keeps are none', async () => {
    const bytes = await changedFile(
      'neighbours.bin',
      async () => '{"format":1,"rows":[],"columns":[]}\nmore',
    );
    await expect(bring(bytes)).rejects.toMatchObject({
      code: 'invalid-head',
      message: expect.stringMatching(/neighbours\.bin cannot be used: it has more than it says/),
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

  it('is not held responsible for an engine that ends while it is tried', async () => {
    const trial = () => Promise.reject(new EngineEnded('the engines are closed'));
    await expect(bring(await pack(), { trial })).rejects.toThrow(EngineEnded);
  });

  it('is refused where it is no archive at all, or breaks off', async () => {
    for (const bytes of [Buffer.from('no tar'), (await pack()).subarray(0, 100_000), Buffer.alloc(0)])
      await expect(bring(bytes)).rejects.toMatchObject({ code: 'invalid-head' });
  });

  it('is refused a name that is none', async () => {
    await expect(bring(await pack(), { name: '../pets' })).rejects.toMatchObject({ code: 'invalid-request' });
  });

  const { 'an endless loop': endless } = badHeads(form);
  it.each(Object.entries({ 'an endless loop': endless, ...badAnswers(form) }))(
    'is refused where its model has %s, though every sha256 is right',
    async (_what, { bytes, problem }) => {
      const before = await registry.list();
      await expect(bring(await packed(bytes))).rejects.toMatchObject({
        code: 'invalid-head',
        message: problem,
      });
      expect(await registry.list()).toEqual(before);
      expect(await readdir(workspace())).toEqual([]);
    },
  );

  it('is taken where its model is one that training writes', async () => {
    const brought = await bring(await packed(plainHead(form)), { name: 'plain' });
    expect(brought).toMatchObject({ name: 'plain', version: 1 });
  });

  it('is refused where the trial of its model takes too long', async () => {
    const trial = (scratch: string) => tryHead(scratch, 1);
    await expect(bring(await pack(), { trial })).rejects.toMatchObject({
      code: 'invalid-head',
      message: expect.stringContaining('it took more than 0.001 s'),
    });
  });

  it('is refused with another code than 500, and leaves nothing behind, wherever it breaks off or is damaged', async () => {
    const whole = await packed(plainHead(form));
    const before = await registry.list();
    const trial = () => Promise.reject(new Error('it came as far as its trial'));
    const random = new Random(1, 'packages');
    const edges = Array.from({ length: whole.length / 512 }, (_, block) => 512 * block);
    const cuts = [...edges.flatMap((edge) => [edge, edge + 1, edge + 257]), whole.length - 1];
    const damaged = [
      ...cuts.map((length) => whole.subarray(0, length)),
      ...Array.from({ length: 400 }, () => mutate(whole, random)),
      // Headers are what a reader of the format stumbles over.
      ...edges.flatMap((edge) => {
        const changed = Buffer.from(whole);
        changed[edge + random.nextInteger(512)] ^= 1 << random.nextInteger(8);
        return [changed];
      }),
      gzipSync(whole).subarray(0, -20),
      gzipSync(whole).subarray(0, 100),
    ];
    for (const [index, bytes] of damaged.entries()) {
      const error = await bring(bytes, { trial }).then(
        () => 'it was taken',
        (error) => error,
      );
      expect([index, bytes.length, error.code, error.message]).toEqual([
        index,
        bytes.length,
        'invalid-head',
        expect.any(String),
      ]);
    }
    expect(await registry.list()).toEqual(before);
    expect(await readdir(workspace())).toEqual([]);
  });
});
