import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { AddOptions } from '../../../src/encoders/add.ts';
import { addFromHub } from '../../../src/encoders/hub/add-from-hub.ts';
import {
  type DownloadProgress,
  type FetchOptions,
  fetchModel,
} from '../../../src/encoders/hub/fetch-model.ts';
import type { Hub } from '../../../src/encoders/hub/hub.ts';
import { parseModelName } from '../../../src/encoders/hub/model-name.ts';
import { listEncoders } from '../../../src/encoders/places.ts';
import { resolveEncoder } from '../../../src/encoders/resolve.ts';
import { type Fault, type HostedModel, ModelHub, sha256 } from '../../model-hub.ts';
import { node } from '../../sum-encoder.ts';
import { tinyGraph, writeTinyTextModel } from '../../tiny-text-model.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const other = 'fedcba9876543210fedcba9876543210fedcba98';
const name = 'some-lab/tiny-bert';
const weights = 'onnx/model.onnx';

let folder: string;
let places: { bundled: string; added: string };
let files: Record<string, Uint8Array | string>;
let server: ModelHub;
let hub: Hub;

/** The tiny text model as the hub has it, with files beside it that no encoder needs. */
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hub-'));
  places = { bundled: path.join(folder, 'none'), added: path.join(folder, 'encoders') };
  const source = path.join(folder, 'source');
  await writeTinyTextModel(source, {
    files: {
      'README.md': '---\nlicense: cc-by-nc-4.0\n---\n',
      '1_Pooling/config.json': '{"pooling_mode_mean_tokens": true}',
      'modeling_tiny.py': 'raise SystemExit("code of a hub was run")',
      'pytorch_model.bin': '\x80\x04\x95',
      'onnx/model_fp16.onnx': 'not asked for',
    },
  });
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  files = {};
  for (const file of names) files[path.relative(source, file)] = await readFile(file);
  server = await ModelHub.start({ [name]: { commit, files } });
  hub = {
    ...{ address: `${server.address}/`, token: 'hf_secret', isOffline: false, retryDelay: 1 },
    ...{ cache: path.join(folder, 'cache'), otherCaches: [path.join(folder, 'python')] },
  };
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
});

const add = (reference: string, options: Partial<AddOptions & FetchOptions> = {}) =>
  addFromHub(hub, parseModelName(reference) ?? expect.fail(reference), places, { threads: 1, ...options });

const resolve = (reference: string) => resolveEncoder(reference, 'text', { places, hub, threads: 1 });

/** Every file below a folder. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name: file }) => file);
}

/** Whether the storage is asked for the weights. */
const ofWeights = (url = '') => url.includes(sha256(Buffer.from(files[weights])));

const fetch = (options: FetchOptions = {}) =>
  fetchModel(hub, parseModelName(name) ?? expect.fail(name), { modality: 'text', ...options });

describe('a model of the hub', () => {
  it('is added by its name: the branch is resolved to its commit, and the licence kept', async () => {
    const encoder = await add(name);
    expect(encoder).toMatchObject({ id: 'tiny-bert', modality: 'text', license: 'cc-by-nc-4.0' });
    expect(encoder.origin?.folder).toBe(`${name}@${commit}`);
    const resolved = server.paths.filter((each) => each.includes('/resolve/'));
    expect(resolved.every((each) => each.includes(`/resolve/${commit}/`))).toBe(true);
    expect(resolved.join()).not.toMatch(/modeling_tiny|pytorch_model|fp16/);
  });

  it('tells its token to the hub alone, not to the host that it redirects to', async () => {
    await fetch();
    const tokens = (at: string) =>
      new Set(server.requests.filter((each) => each.at === at).map(({ token }) => token));
    expect([...tokens('hub')]).toEqual(['Bearer hf_secret']);
    expect([...tokens('storage')]).toEqual([undefined]);
  });

  it('says how many bytes came of how many', async () => {
    const seen: DownloadProgress[] = [];
    await fetch({ onProgress: (progress) => seen.push(progress) });
    const { total } = seen[0];
    expect(total).toBeGreaterThan(files[weights].length);
    expect(seen.at(-1)).toEqual({ stage: 'downloading', done: total, total });
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).sort((a, b) => a - b));
  });

  it('is downloaded once', async () => {
    await add(name);
    const before = server.requests.length;
    await add(`${name}@${commit}`, { pooling: 'cls', id: 'tiny-cls' });
    expect(server.paths.slice(before)).toEqual([`/api/models/${name}/revision/${commit}?blobs=true`]);
  });

  it('has its commit’s beginning in its name where another commit is there', async () => {
    await add(name);
    server.models[name].commit = other;
    server.models[name].files = {
      ...files,
      'onnx/model.onnx': tinyGraph({ nodes: [node('Neg', ['states'], 'last_hidden_state')] }),
    };
    expect(await add(name)).toMatchObject({
      id: 'tiny-bert-fedcba9',
      origin: { folder: `${name}@${other}` },
    });
  });
});

/** The weights of a pair as Python's safetensors writes them: a large matrix, then the scale's logarithm and the bias. */
function pairWeights(scale: number, bias: number, columns = 100_000): Buffer {
  const at = 4 * columns;
  const text = Buffer.from(
    JSON.stringify({
      'vision_model.weight': { dtype: 'F32', shape: [1, columns], data_offsets: [0, at] },
      logit_bias: { dtype: 'F32', shape: [1], data_offsets: [at, at + 4] },
      logit_scale: { dtype: 'F32', shape: [], data_offsets: [at + 4, at + 8] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const numbers = Buffer.alloc(8);
  numbers.writeFloatLE(bias, 0);
  numbers.writeFloatLE(scale, 4);
  return Buffer.concat([length, text, Buffer.alloc(at, 1), numbers]);
}

describe('a pair of the hub', () => {
  const siglip = fileURLToPath(new URL('../../fixtures/models/siglip/', import.meta.url));
  const addText = () => add(name, { modality: 'text', normalize: true });

  beforeEach(async () => {
    for (const file of Object.keys(files)) delete files[file];
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
      files[file] = await readFile(path.join(siglip, file));
    files['onnx/text_model.onnx'] = await readFile(path.join(siglip, 'onnx', 'text_model.onnx'));
    files['model.safetensors'] = pairWeights(2.25, -1.5);
  });

  it('has the scale and bias of its weights, of which their header and these numbers alone are asked for', async () => {
    const pair = { model: `${name}@${commit}`, logitScale: Math.exp(2.25), logitBias: -1.5 };
    const { pair: told } = await addText();
    expect(told).toEqual(pair);
    const stored = sha256(Buffer.from(files['model.safetensors']));
    const ranges = server.requests.filter((each) => each.path.includes(stored)).map(({ range }) => range);
    expect(ranges).toEqual([
      'bytes=0-131071',
      expect.stringMatching(/^bytes=4\d{5}-4\d{5}$/),
      expect.stringMatching(/^bytes=4\d{5}-4\d{5}$/),
    ]);
    expect(await filesBelow(hub.cache)).not.toContain('model.safetensors');
    await rm(places.added, { recursive: true });
    hub.isOffline = true;
    expect((await addText()).pair).toEqual(pair);
  });

  it('leaves the scale open where a mirror gives no parts of files', async () => {
    const stored = sha256(Buffer.from(files['model.safetensors']));
    server.faults.push(({ url }, response) => {
      if (!url?.includes(stored)) return false;
      response.writeHead(200).end(files['model.safetensors']);
      return true;
    });
    expect((await addText()).pair).toEqual({ model: `${name}@${commit}` });
  });

  it('is refused where its weights are damaged', async () => {
    files['model.safetensors'] = Buffer.alloc(5000, 'no safetensors');
    await expect(addText()).rejects.toMatchObject({
      code: 'invalid-encoder',
      message: expect.stringContaining('some-lab/tiny-bert: model.safetensors cannot be read'),
    });
  });
});

/** Cuts the connection of so many requests for the weights, each after some bytes. */
function cut(times: number, bytes: number): Fault {
  let left = times;
  return ({ url, headers }, response) => {
    if (!ofWeights(url) || left-- <= 0) return false;
    const content = Buffer.from(files[weights]);
    const from = Number(/\d+/.exec(headers.range ?? '0')?.[0]);
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(from > 0 ? 206 : 200, {
      'Content-Length': content.length - from,
      'Content-Range': range,
    });
    response.flushHeaders();
    response.write(content.subarray(from, from + bytes));
    // Once they have arrived.
    setTimeout(() => response.destroy(), 50);
    return true;
  };
}

describe('a download that breaks off', () => {
  it('resumes by range, as often as it gets further', async () => {
    server.faults.push(cut(8, 20_000));
    await fetch();
    const ranges = server.requests.map(({ range }) => range);
    expect(ranges).toContain('bytes=20000-');
    expect(ranges).toContain('bytes=160000-');
  });

  it('is given up where it gets no further, and resumed by the next run', async () => {
    server.faults.push(cut(1, 30_000), cut(100, 0));
    await expect(fetch()).rejects.toMatchObject({
      code: 'model-download',
      message: expect.stringMatching(/onnx\/model.onnx: the connection was cut after 30000 bytes/),
      fix: expect.stringContaining('resumes'),
    });
    server.faults.length = 0;
    server.requests.length = 0;
    await fetch();
    expect(server.requests.map(({ range }) => range)).toContain('bytes=30000-');
  });

  it('stops where its caller aborts', async () => {
    const controller = new AbortController();
    const onProgress = ({ done }: DownloadProgress) => done > 0 && controller.abort(new Error('enough'));
    await expect(fetch({ signal: controller.signal, onProgress })).rejects.toThrow('enough');
  });

  it('waits as long as the hub asks for', async () => {
    let asked = 0;
    server.faults.push((_, response) => {
      if (asked++ > 0) return false;
      response.writeHead(429, { 'Retry-After': '1' }).end();
      return true;
    });
    const started = performance.now();
    await fetch();
    expect(performance.now() - started).toBeGreaterThan(1000);
  });
});

const status =
  (code: number, headers: Record<string, string> = {}): Fault =>
  (_, response) => {
    response.writeHead(code, headers).end();
    return true;
  };

/** Answers requests for the weights in place of the storage. */
const instead =
  (content: Uint8Array | string, headers: Record<string, string> = {}): Fault =>
  ({ url }, response) => {
    if (!ofWeights(url)) return false;
    response.writeHead(200, headers).end(content);
    return true;
  };

interface Trouble {
  fault?: Fault;
  model?: (model: HostedModel) => void;
  reference?: string;
}

describe('a model that cannot be had', () => {
  it.each<[string, Trouble, RegExp, RegExp]>([
    [
      'is unknown',
      { reference: 'some-lab/nothing' },
      /answers 404: Repository not found/,
      /name and revision/,
    ],
    [
      'has no such revision',
      { reference: `${name}@v9` },
      /tiny-bert@v9: .* answers 404/,
      /name and revision/,
    ],
    ['needs a token', { fault: status(401) }, /answers 401/, /HF_TOKEN/],
    [
      'is gated',
      { fault: status(403, { 'X-Error-Code': 'GatedRepo', 'X-Error-Message': 'Access is restricted' }) },
      /answers 403: Access is restricted/,
      /accept its terms/,
    ],
    ['is asked for too often', { fault: status(429, { 'Retry-After': '300' }) }, /answers 429/, /HF_TOKEN/],
    ['is on a server that fails', { fault: status(500) }, /answers 500/, /again later/],
    [
      'is behind endless redirects',
      { fault: status(302, { Location: '/again' }) },
      /redirects more than 5 times/,
      /./,
    ],
    [
      'is on no hub',
      { fault: (_, response) => !!response.writeHead(200).end('<html>') },
      /cannot be read/,
      /--hub/,
    ],
    ['differs from its sha256', { fault: instead(Buffer.alloc(0)) }, /ended after 0 of/, /./],
    [
      'has a file outside',
      { model: ({ files: own }) => Object.assign(own, { '../../evil.json': '{}' }) },
      /outside the model’s folder/,
      /./,
    ],
    [
      'is a pickle',
      {
        model: (model) => {
          model.files = { 'config.json': '{}', 'pytorch_model.bin': '\x80\x04\x95' };
        },
      },
      /some-lab\/tiny-bert has no ONNX file, only pytorch_model.bin; a pickle can run code/,
      /optimum-cli export onnx --task feature-extraction --model some-lab\/tiny-bert tiny-bert/,
    ],
    [
      'has an unknown tokenizer',
      {
        model: ({ files: own }) =>
          Object.assign(own, { 'tokenizer_config.json': '{"tokenizer_class": "KlingonTokenizer"}' }),
      },
      /KlingonTokenizer, which is unknown/,
      /./,
    ],
    [
      'has an unknown operator',
      {
        model: ({ files: own }) =>
          Object.assign(own, {
            [weights]: tinyGraph({ nodes: [node('Frobnicate', ['states'], 'last_hidden_state')] }),
          }),
      },
      /Frobnicate/,
      /optimum-cli/,
    ],
    [
      'is half a file on the hub',
      { model: ({ files: own }) => Object.assign(own, { [weights]: tinyGraph().subarray(0, 5000) }) },
      /not a whole ONNX file/,
      /again/,
    ],
  ])('is refused where it %s, and nothing of it is added', async (_, trouble, message, fix) => {
    if (trouble.fault) server.faults.push(trouble.fault);
    trouble.model?.(server.models[name]);
    const error = await add(trouble.reference ?? name).catch((thrown) => thrown);
    expect(error.message).toMatch(message);
    expect(error.fix).toMatch(fix);
    expect(['unknown-model', 'model-download', 'invalid-encoder']).toContain(error.code);
    expect(await filesBelow(places.added)).toEqual([]);
  });

  it('is refused where a file has another content than the hub lists, and that file is not kept', async () => {
    const damaged = Buffer.from(files[weights]);
    damaged[damaged.length >> 1] ^= 1;
    server.faults.push(instead(damaged));
    await expect(add(name)).rejects.toMatchObject({
      code: 'model-download',
      message: expect.stringMatching(/has the sha256 [0-9a-f]{64}, not [0-9a-f]{64}/),
    });
    expect(await filesBelow(hub.cache)).not.toContain('model.onnx');
    expect(await filesBelow(hub.cache)).not.toContain('model.onnx.part');
    server.faults.length = 0;
    expect(await add(name)).toMatchObject({ id: 'tiny-bert' });
  });

  it('is refused where a small file differs from Git’s hash of it', async () => {
    server.models[name].listed = { 'config.json': { blobId: other } };
    await expect(add(name)).rejects.toThrow(/config.json has the hash [0-9a-f]{40}, not/);
  });

  it('is refused where more comes than the hub lists', async () => {
    server.faults.push(instead(Buffer.alloc(Buffer.from(files[weights]).length + 1)));
    await expect(add(name)).rejects.toThrow(/is larger than the \d+ bytes/);
  });

  it('is refused where the hub takes a file from another commit', async () => {
    server.faults.push(({ url }, response) => {
      if (!url?.endsWith('/config.json')) return false;
      response.writeHead(200, { 'X-Repo-Commit': other }).end(files['config.json']);
      return true;
    });
    await expect(add(name)).rejects.toThrow(`from the commit ${other} instead`);
  });

  it('is refused where nothing answers', async () => {
    hub.address = 'http://127.0.0.1:1';
    await expect(add(name)).rejects.toMatchObject({
      message: expect.stringContaining('http://127.0.0.1:1 cannot be reached (ECONNREFUSED)'),
      fix: expect.stringContaining('--hub'),
    });
  });
});

describe('offline', () => {
  it('takes what was downloaded before', async () => {
    const encoder = await add(name);
    await rm(places.added, { recursive: true });
    hub.isOffline = true;
    server.requests.length = 0;
    expect(await fetch({})).toBe(path.join(hub.cache, 'models--some-lab--tiny-bert', 'snapshots', commit));
    expect(await add(`${name}@${commit}`)).toMatchObject({ fingerprint: encoder.fingerprint });
    expect(server.requests).toEqual([]);
  });

  it('says that files may be missing of what was downloaded', async () => {
    await fetch();
    await rm(path.join(hub.cache, 'models--some-lab--tiny-bert', 'snapshots', commit, weights));
    hub.isOffline = true;
    await expect(add(name)).rejects.toMatchObject({
      code: 'invalid-encoder',
      fix: expect.stringContaining('run it once without --offline'),
    });
  });

  it('says what is not there', async () => {
    hub.isOffline = true;
    await expect(add(name)).rejects.toMatchObject({
      code: 'model-download',
      message: expect.stringContaining('nothing is downloaded offline'),
      fix: expect.stringContaining('--offline'),
    });
  });
});

describe('a cache of Python’s client', () => {
  /** As huggingface_hub lays it out: names are links to blobs. */
  async function writePythonCache() {
    const model = path.join(hub.otherCaches[0], 'models--some-lab--tiny-bert');
    for (const [index, [file, content]] of Object.entries(files).entries()) {
      const link = path.join(model, 'snapshots', commit, file);
      await mkdir(path.dirname(link), { recursive: true });
      await mkdir(path.join(model, 'blobs'), { recursive: true });
      await writeFile(path.join(model, 'blobs', `${index}`), content);
      await symlink(path.join(model, 'blobs', `${index}`), link);
    }
    await mkdir(path.join(model, 'refs'));
    await writeFile(path.join(model, 'refs', 'main'), commit);
  }

  it('is read offline', async () => {
    await writePythonCache();
    hub.isOffline = true;
    expect(await add(name)).toMatchObject({ id: 'tiny-bert', origin: { folder: `${name}@${commit}` } });
    expect(server.requests).toEqual([]);
  });

  it('spares the download of files that are as the hub lists them', async () => {
    await writePythonCache();
    await writeFile(await realName(weights), 'half a download');
    await add(name);
    expect(server.paths.filter((each) => each.includes('/resolve/'))).toEqual([
      `/${name}/resolve/${commit}/${weights}`,
    ]);
    expect(await readFile(await realName(weights), 'utf8')).toBe('half a download');
  });

  async function realName(file: string): Promise<string> {
    const { realpath } = await import('node:fs/promises');
    return realpath(path.join(hub.otherCaches[0], 'models--some-lab--tiny-bert', 'snapshots', commit, file));
  }
});

describe('an encoder that a setting names', () => {
  it('is downloaded when it is first named, and found again without the network', async () => {
    const first = await resolve(`${name}@${commit}`);
    server.requests.length = 0;
    expect(await resolve(`${name}@${commit}`)).toBe(first);
    expect(await resolve(name)).toBe(first);
    expect(server.requests).toEqual([]);
    expect(await resolve(`${name}@main`)).toBe(first);
    expect(server.paths).toEqual([`/api/models/${name}/revision/main?blobs=true`]);
  });

  it('is found again without the network where the same was added as a folder, under its name', async () => {
    const ofFolder = await resolve(path.join(folder, 'source'));
    expect(await resolve(name)).toBe(ofFolder);
    const { encoders } = await listEncoders(places);
    expect(encoders).toMatchObject([{ id: 'source', origin: { folder: `${name}@${commit}` } }]);
    server.requests.length = 0;
    expect(await resolve(name)).toBe(ofFolder);
    expect(server.requests).toEqual([]);
  });

  it('may be a model’s folder, which is added anew when its files change', async () => {
    const model = path.join(folder, 'source');
    const first = await resolve(model);
    expect(await resolve(model)).toBe(first);
    expect((await listEncoders(places)).encoders).toHaveLength(1);
    await writeFile(path.join(model, '1_Pooling', 'config.json'), '{"pooling_mode_cls_token": true}');
    await expect(resolve(model)).rejects.toMatchObject({ code: 'encoder-conflict' });
  });

  it('says which command answers what its files leave open', async () => {
    delete server.models[name].files['1_Pooling/config.json'];
    await expect(resolve(name)).rejects.toMatchObject({
      code: 'invalid-encoder',
      fix: expect.stringMatching(/--pooling mean\. .*encoders add some-lab\/tiny-bert --modality text/),
    });
    const asImages = resolveEncoder(name, 'image', { places, hub, threads: 1 });
    await expect(asImages).rejects.toMatchObject({ fix: expect.not.stringContaining('option of') });
  });
});

it.each([
  'tiny',
  './some/model',
  '/some/model',
  'a/b/c',
  '../up',
  'some--lab/x',
  'lab/..',
  'lab/x@',
  'lab/x@a..b',
  'lab/x@/a',
])('does not take %s for a name of the hub', (text) => {
  expect(parseModelName(text)).toBeUndefined();
});
