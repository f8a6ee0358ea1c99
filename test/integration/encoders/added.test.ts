import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type AddOptions, addEncoder } from '../../../src/encoders/add.ts';
import { loadEncoder } from '../../../src/encoders/encoder.ts';
import { findEncoder, listEncoders } from '../../../src/encoders/places.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { node } from '../../sum-encoder.ts';
import {
  type TinyModel,
  tinyGraph,
  tinyStates,
  tinyTokenizer,
  usualFile,
  writeTinyTextModel,
} from '../../tiny-text-model.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

let folder: string;
let places: { bundled: string; added: string };
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'added-'));
  places = {
    bundled: fileURLToPath(new URL('../../../models/', import.meta.url)),
    added: path.join(folder, 'encoders'),
  };
  onTestFinished(() => rm(folder, { recursive: true }));
});

/** Adds a tiny model's folder. */
async function add(model: TinyModel = {}, options: Partial<AddOptions> = {}) {
  const own = path.join(folder, 'tiny');
  await rm(own, { recursive: true, force: true });
  await writeTinyTextModel(own, model);
  return addEncoder(own, places, { threads: 1, ...options });
}

/** What the encoder makes of a text, and the hidden states of its tokens. */
async function encode(encoder: { folder: string }, text: string) {
  const loaded = await loadEncoder(engine, 'text', encoder.folder);
  onTestFinished(() => loaded.close());
  const [row] = await loaded.encode([await loaded.prepare(text)]);
  return Array.from(row);
}

async function states(text: string): Promise<number[][]> {
  return tinyStates((await tinyTokenizer())(text));
}

const meanOf = (rows: number[][]) =>
  rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
const unit = (row: number[]) => row.map((value) => value / Math.hypot(...row));

function expectClose(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of actual.entries()) expect(value).toBeCloseTo(expected[index], 5);
}

describe('a text model’s folder', () => {
  it('becomes an encoder whose features are its tokens’ mean, scaled to length 1', async () => {
    const encoder = await add({}, { pooling: 'mean' });
    expect(encoder).toMatchObject({ id: 'tiny', modality: 'text', dimension: 4, place: 'added' });
    expectClose(await encode(encoder, 'a red bike'), unit(meanOf(await states('a red bike'))));
  });

  it.each([
    ['cls', 0],
    ['last', -1],
  ] as const)('pools by %s what 1_Pooling says so of, alone and in a batch', async (pooling, at) => {
    const key = { cls: 'pooling_mode_cls_token', last: 'pooling_mode_lasttoken' }[pooling];
    const files = {
      '1_Pooling/config.json': JSON.stringify({ [key]: true, pooling_mode_mean_tokens: false }),
    };
    const encoder = await add({ files }, { normalize: false });
    expect(encoder.origin?.settings).toMatchObject({ pooling, normalize: false });
    expectClose(await encode(encoder, 'a red bike'), (await states('a red bike')).at(at) ?? []);
  });

  it('takes a text’s length, prompt, letters and normalisation from sentence-transformers’ files', async () => {
    const files = {
      'modules.json': JSON.stringify([
        { path: '', type: 'sentence_transformers.models.Transformer' },
        { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      ]),
      '1_Pooling/config.json': JSON.stringify({ pooling_mode_mean_tokens: true }),
      'sentence_bert_config.json': JSON.stringify({ max_seq_length: 5, do_lower_case: true }),
      'config_sentence_transformers.json': JSON.stringify({
        prompts: { query: 'query: ', Classification: 'kind: ' },
      }),
    };
    const encoder = await add({ files });
    expect(encoder.preprocessing).toEqual({ maximumTokens: 5, prefix: 'kind: ', lowercase: true });
    const ids = (await tinyTokenizer())('kind: a red bike');
    const cut = tinyStates([...ids.slice(0, 4), ids.at(-1) as number]);
    expectClose(await encode(encoder, 'A red BIKE'), meanOf(cut));
  });

  it('asks for the prefix that a model card speaks of', async () => {
    const files = { 'README.md': 'Each text must begin with "query: " or "passage: ".' };
    await expect(add({ files }, { pooling: 'mean' })).rejects.toMatchObject({
      code: 'invalid-encoder',
      fix: expect.stringContaining("--prefix 'query: '"),
    });
    const encoder = await add({ files }, { pooling: 'mean', prefix: 'query: ' });
    expectClose(await encode(encoder, 'a bike'), unit(meanOf(await states('query: a bike'))));
  });

  it('keeps the licence of its model card', async () => {
    const files = { 'README.md': '---\nlicense: cc-by-nc-4.0\n---\n# Tiny' };
    expect(await add({ files }, { pooling: 'cls' })).toMatchObject({ license: 'cc-by-nc-4.0' });
  });

  it('is added once, and found by its id and the beginning of its fingerprint', async () => {
    const first = await add({}, { pooling: 'mean' });
    expect(await add({}, { pooling: 'mean' })).toEqual(first);
    expect(await findEncoder(places, 'tiny', 'text')).toBe(first.folder);
    expect(await findEncoder(places, first.fingerprint.slice(0, 12), 'text')).toBe(first.folder);
    await expect(add({}, { pooling: 'cls' })).rejects.toMatchObject({ code: 'encoder-conflict' });
    await expect(add({}, { pooling: 'mean', id: 'other' })).rejects.toMatchObject({
      message: 'the same encoder is there already, as tiny',
      fix: expect.stringContaining('encoders remove tiny'),
    });
    await add({}, { pooling: 'cls', id: 'tiny-cls' });
    const { encoders } = await listEncoders(places);
    expect(encoders.map(({ id }) => id)).toEqual([
      'all-MiniLM-L6-v2',
      'efficientnet-lite0',
      'efficientnet-lite0-whole',
      'tiny',
      'tiny-cls',
    ]);
  });
});

/** Quantised by the range of the whole batch, as dynamic quantisation does it. */
const dynamic = [
  { ...node('DynamicQuantizeLinear', ['states'], 'quantised'), output: ['quantised', 'scale', 'zero'] },
  node('DequantizeLinear', ['quantised', 'scale', 'zero'], 'last_hidden_state'),
];

describe('a model whose features depend on the batch', () => {
  it('is refused, unless it is allowed', async () => {
    await expect(add({ nodes: dynamic }, { pooling: 'mean' })).rejects.toMatchObject({
      code: 'invalid-encoder',
      message: expect.stringContaining('depend on what else is in its batch'),
      fix: expect.stringContaining('--allow-batch-dependence'),
    });
    expect(await readdir(places.added)).toEqual([]);
    const encoder = await add({ nodes: dynamic }, { pooling: 'mean', allowBatchDependence: true });
    expect(encoder.origin?.proof.batchDifference).toBeGreaterThan(1e-3);
  });
});

const external = {
  name: 'elsewhere',
  dataType: 1,
  dims: [1n],
  dataLocation: 1,
  externalData: [{ key: 'location', value: '../../secret' }],
};

describe('a model that cannot be used', () => {
  it.each<[string, TinyModel, string, string]>([
    ['no pooling', {}, '1_Pooling/config.json is missing', '--pooling mean'],
    [
      'no ONNX file',
      { files: { 'onnx/model.onnx': undefined, 'pytorch_model.bin': 'x' } },
      'a pickle can run code',
      'optimum-cli export onnx',
    ],
    [
      'a pointer of Git LFS',
      { files: { 'onnx/model.onnx': 'version https://git-lfs…' } },
      'Git LFS’s pointer',
      'git lfs pull',
    ],
    [
      'half an ONNX file',
      { files: { 'onnx/model.onnx': tinyGraph().subarray(0, 1000) } },
      'not a whole ONNX file',
      'again',
    ],
    ['a pickle called ONNX', { files: { 'onnx/model.onnx': '\x80\x04\x95' } }, 'not a', 'again'],
    [
      'half a config.json',
      { files: { 'config.json': '{"model_type": ' } },
      'config.json cannot be read',
      'half a download',
    ],
    ['weights outside', { initializers: [external] }, 'outside the model’s folder', 'encoders add'],
    [
      'an unknown operator',
      { nodes: [node('Frobnicate', ['states'], 'last_hidden_state')] },
      'Frobnicate',
      'optimum-cli',
    ],
    ['no tokenizer', { files: { 'tokenizer.json': undefined } }, 'no tokenizer.json', 'AutoTokenizer'],
    [
      'an unknown tokenizer',
      { files: { 'tokenizer_config.json': '{"tokenizer_class": "KlingonTokenizer"}' } },
      'KlingonTokenizer, which is unknown',
      'encoders add',
    ],
    [
      'a wrong width',
      { config: { hidden_size: 5 }, files: { '1_Pooling/config.json': '{"pooling_mode_cls_token": true}' } },
      'gives 4 features; its files say 5',
      'encoders add',
    ],
  ])('is refused for %s, and nothing stays of it', async (_, model, message, fix) => {
    // What comes after the pooling's question is asked with an answer to it.
    const options = message.includes('1_Pooling') ? {} : ({ pooling: 'mean' } as const);
    const error = await add(model, options).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'invalid-encoder', message: expect.stringContaining(message) });
    expect(error.fix).toContain(fix);
    expect(await readdir(places.added).catch(() => [])).toEqual([]);
  });

  it('names the file of an encoder that is not what it was', async () => {
    const encoder = await add({}, { pooling: 'mean' });
    await writeFile(path.join(encoder.folder, 'tokenizer.json'), await usualFile('config.json'));
    await expect(loadEncoder(engine, 'text', encoder.folder)).rejects.toMatchObject({
      code: 'damaged-artifact',
      items: [{ at: path.join(encoder.folder, 'tokenizer.json') }],
    });
    expect(await readFile(path.join(encoder.folder, 'encoder.json'), 'utf8')).toContain('"tiny"');
  });
});
