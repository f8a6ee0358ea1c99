import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import { decodeRequest, encodeResponse } from '../../../src/protocols/open-inference/tensors.ts';
import { fetch, head, prediction, problemOf, sendJson, serve, services } from './double.ts';

const answer = {
  ...prediction,
  labels: [
    { label: 'cat', probability: 0.75 },
    { label: 'dog', probability: 0.25 },
  ],
  confidence: 0.75,
};

async function start(replaced: Parameters<typeof services>[0] = {}) {
  const asked: unknown[] = [];
  const { address } = await serve(
    services({
      async predict(inputs, options) {
        asked.push({ inputs, head: options.head, topK: options.topK });
        return { head: { name: 'emoji', version: 3 }, results: inputs.map(() => answer) };
      },
      ...replaced,
    }),
  );
  return { address: `${address}/v2`, asked };
}

const bytes = (elements: (string | Buffer)[]) =>
  Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(element));
      return [length, Buffer.from(element)];
    }),
  );

describe('the Open Inference Protocol', () => {
  it('says that the server lives, is ready, and what it can', async () => {
    const { address } = await start();
    expect(await (await fetch(`${address}/health/live`)).json()).toEqual({ live: true });
    expect(await (await fetch(`${address}/health/ready`)).json()).toEqual({ ready: true });
    expect(await (await fetch(address)).json()).toMatchObject({ extensions: ['binary_tensor_data'] });
  });

  it('names the columns of a head that takes a table, and what they hold', async () => {
    const columns = [
      { name: 'price', kind: 'number' },
      { name: 'brand', kind: 'category' },
    ];
    const encoders = [
      ...head.encoders,
      { modality: 'table' as const, id: 'columns', dimension: 4, fingerprint: 'c3', columns },
    ];
    const { address } = await start({ head: async () => ({ ...head, encoders }) });
    const model = await (await fetch(`${address}/models/emoji`)).json();
    expect(model.inputs).toContainEqual({ name: 'table', datatype: 'BYTES', shape: [-1] });
    expect(model.parameters.columns).toEqual({ table: columns });
    const { address: without } = await start();
    expect((await (await fetch(`${without}/models/emoji`)).json()).parameters).not.toHaveProperty('columns');
  });

  it('shows a head as a model, its labels in the order of its probabilities', async () => {
    const get = async (name: string) => ({ name, versions: [1, 3], aliases: {} });
    const { address } = await start({ versions: { ...services().versions, get } });
    expect(await (await fetch(`${address}/models/emoji`)).json()).toMatchObject({
      name: 'emoji',
      versions: ['1', '3'],
      inputs: [
        { name: 'image', datatype: 'BYTES', shape: [-1] },
        { name: 'text', datatype: 'BYTES', shape: [-1] },
        { name: 'image_features', datatype: 'FP32', shape: [-1, 3] },
        { name: 'text_features', datatype: 'FP32', shape: [-1, 2] },
      ],
      parameters: {
        labels: ['dog', 'cat'],
        encoders: { text_features: { id: 'texts', fingerprint: 'b2' } },
      },
    });
    expect((await fetch(`${address}/models/emoji/versions/3/ready`)).status).toBe(200);
  });

  it('classifies texts of JSON, and answers with tensors', async () => {
    const { address, asked } = await start();
    const inputs = [{ name: 'text', datatype: 'BYTES', shape: [2, 1], data: ['a', ['b']] }];
    const response = await sendJson(`${address}/models/emoji/versions/3/infer`, { id: '7', inputs });
    expect(await response.json()).toEqual({
      id: '7',
      model_name: 'emoji',
      model_version: '3',
      outputs: [
        { name: 'label', datatype: 'BYTES', shape: [2], data: ['cat', 'cat'] },
        { name: 'probability', datatype: 'FP32', shape: [2], data: [0.75, 0.75] },
        { name: 'probabilities', datatype: 'FP32', shape: [2, 2], data: [0.25, 0.75, 0.25, 0.75] },
      ],
    });
    expect(asked).toEqual([
      { inputs: [{ content: { text: 'a' } }, { content: { text: 'b' } }], head: 'emoji@3', topK: 2 },
    ]);
  });

  const input = { name: 'text', datatype: 'BYTES', shape: [1], data: ['a'] };
  const raw = bytes(['a']);
  const { data: _, ...form } = input;
  const sized = { ...form, parameters: { binary_data_size: raw.length } };

  it.each([
    ['an input twice', [input, input], Buffer.alloc(0), 'text is there twice; send each input once'],
    [
      'bytes that no tensor declares',
      [sized],
      Buffer.concat([raw, Buffer.alloc(3)]),
      '3 bytes are left behind those that the tensors’ binary_data_size declare',
    ],
    [
      'data beside bytes',
      [{ ...sized, data: ['a'] }],
      raw,
      'text has both data and a binary_data_size; send one of them',
    ],
  ])('refuses %s', async (_what, inputs, rest, detail) => {
    const { address, asked } = await start();
    const json = Buffer.from(JSON.stringify({ inputs }));
    const response = await fetch(`${address}/models/emoji/infer`, {
      method: 'POST',
      body: Buffer.concat([json, rest]),
      headers: { 'Inference-Header-Content-Length': String(json.length) },
    });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: 'invalid-request', detail });
    expect(asked).toEqual([]);
  });

  it('takes and gives bytes after the JSON; an empty element is a missing modality', async () => {
    const { address, asked } = await start();
    const [images, texts] = [bytes([Buffer.from([1, 2, 3]), '']), bytes(['', 'größe'])];
    const json = JSON.stringify({
      inputs: [
        { name: 'image', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: images.length } },
        { name: 'text', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: texts.length } },
      ],
      outputs: [{ name: 'probabilities', parameters: { binary_data: true } }, { name: 'label' }],
    });
    const response = await fetch(`${address}/models/emoji/infer`, {
      method: 'POST',
      body: Buffer.concat([Buffer.from(json), images, texts]),
      headers: { 'Inference-Header-Content-Length': String(Buffer.byteLength(json)) },
    });
    const body = Buffer.from(await response.arrayBuffer());
    const headerLength = Number(response.headers.get('Inference-Header-Content-Length'));
    const { outputs } = JSON.parse(body.subarray(0, headerLength).toString());
    expect(outputs).toEqual([
      { name: 'label', datatype: 'BYTES', shape: [2], data: ['cat', 'cat'] },
      { name: 'probabilities', datatype: 'FP32', shape: [2, 2], parameters: { binary_data_size: 16 } },
    ]);
    const numbers = [0, 1, 2, 3].map((index) => body.readFloatLE(headerLength + 4 * index));
    expect(numbers).toEqual([0.25, 0.75, 0.25, 0.75]);
    expect(asked).toMatchObject([
      {
        inputs: [
          { content: { image: Buffer.from([1, 2, 3]), text: '' } },
          { content: { image: undefined, text: 'größe' } },
        ],
      },
    ]);
  });

  it('takes features as FP32, nested, flat or as bytes, beside an image of the same item', async () => {
    const { address, asked } = await start();
    const features = (change: object) => ({
      name: 'text_features',
      datatype: 'FP32',
      shape: [2, 2],
      ...change,
    });
    const image = { name: 'image', datatype: 'BYTES', shape: [2], data: ['YQ==', ''] };
    const numbers = [1, 2, 3.5, -4];
    for (const data of [numbers, [numbers.slice(0, 2), numbers.slice(2)]])
      await sendJson(`${address}/models/emoji/infer`, { inputs: [image, features({ data })] });
    const bytes = Buffer.from(Float32Array.from(numbers).buffer);
    const json = JSON.stringify({
      inputs: [image, features({ parameters: { binary_data_size: bytes.length } })],
    });
    await fetch(`${address}/models/emoji/infer`, {
      method: 'POST',
      body: Buffer.concat([Buffer.from(json), bytes]),
      headers: { 'Inference-Header-Content-Length': String(Buffer.byteLength(json)) },
    });
    const inputs = [
      { content: { image: Buffer.from('a') }, features: { text: Float32Array.of(1, 2) } },
      { features: { text: Float32Array.of(3.5, -4) } },
    ];
    expect(asked).toMatchObject([{ inputs }, { inputs }, { inputs }]);
  });

  const rows = (change: object = {}) => ({
    name: 'text_features',
    datatype: 'FP32',
    shape: [2, 2],
    data: [1, 2, 3, 4],
    ...change,
  });
  const text = (change: object = {}) => ({
    name: 'text',
    datatype: 'BYTES',
    shape: [1],
    data: ['a'],
    ...change,
  });
  it.each<[string, object, RegExp]>([
    ['another type', { inputs: [text({ datatype: 'INT8' })] }, /must be BYTES/],
    [
      'numbers where a text belongs',
      { inputs: [text({ datatype: 'FP32', shape: [1, 1], data: [1] })] },
      /text is FP32; send BYTES, or features as text_features/,
    ],
    ['a text that is no string', { inputs: [text({ data: [1] })] }, /element 0 that is no string/],
    [
      'features of another width',
      { inputs: [rows({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] })] },
      /text_features has 3 values an item; features of texts have 2/,
    ],
    [
      'features that are not finite',
      { inputs: [rows({ data: [1, 2, 3, 1e39] })] },
      /text_features: item 1 has Infinity as its value 1/,
    ],
    [
      'features that are no numbers',
      { inputs: [rows({ data: [1, 2, '3', 4] })] },
      /element 2 that is no number/,
    ],
    ['features in one axis', { inputs: [rows({ shape: [4] })] }, /send \[n, width\]/],
    ['fewer features than the shape says', { inputs: [rows({ data: [1, 2, 3] })] }, /and 3 elements/],
    ['strings as features', { inputs: [rows({ datatype: 'BYTES', shape: [1], data: ['a'] })] }, /send FP32/],
    [
      'a text and its features',
      { inputs: [text({ shape: [2], data: ['a', 'b'] }), rows()] },
      /both there; send one/,
    ],
    ['a shape that does not fit', { inputs: [text({ shape: [2] })] }, /1 elements/],
    ['too many axes', { inputs: [text({ shape: [1, 1, 1] })] }, /\[n\] or \[n, 1\]/],
    ['an unknown input', { inputs: [text({ name: 'sound' })] }, /no input sound/],
    ['an unknown output', { inputs: [text()], outputs: [{ name: 'mood' }] }, /no output mood/],
    ['no inputs', { inputs: [] }, /inputs/],
    [
      'inputs of different lengths',
      { inputs: [text(), text({ name: 'image', shape: [2], data: ['YQ==', 'YQ=='] })] },
      /different numbers/,
    ],
    [
      'bytes that are not there',
      { inputs: [text({ parameters: { binary_data_size: 9 } })] },
      /bytes are left/,
    ],
  ])('refuses %s, in the protocol’s own words', async (_what, body, message) => {
    const { address } = await start();
    const response = await sendJson(`${address}/models/emoji/infer`, body);
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatch(message);
  });

  it('names the item that cannot be classified', async () => {
    const { address } = await start({
      predict: async () => ({
        head: { name: 'emoji', version: 3 },
        results: [answer, new TandemError('invalid-image', 'it is empty')],
      }),
    });
    const response = await sendJson(`${address}/models/emoji/infer`, {
      inputs: [text({ shape: [2], data: ['a', 'b'] })],
    });
    expect(response.status).toBe(422);
    expect((await response.json()).error).toMatch(/item 1: it is empty/);
  });

  it('says which answers are accepted, of a head with a threshold', async () => {
    const acceptance = {
      ...{ accuracy: 0.9, threshold: 0.8, rows: 300, accepted: 240, right: 230 },
      reachedBy: 'interval' as const,
    };
    const reasons = [{ reason: 'low-probability' as const }];
    const { address } = await start({
      head: async () => ({ ...head, acceptance, decides: true }),
      predict: async () => ({
        head: { name: 'emoji', version: 3 },
        results: [{ ...answer, decision: 'unsure', reasons }],
      }),
    });
    const body = { inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['a cat'] }] };
    const { outputs } = await (await sendJson(`${address}/models/emoji/infer`, body)).json();
    expect(outputs).toContainEqual({ name: 'accepted', datatype: 'BOOL', shape: [1], data: [false] });
    expect(outputs).toContainEqual({
      ...{ name: 'reasons', datatype: 'BYTES', shape: [1], data: ['low-probability'] },
    });
  });

  it('gives numbers for a head that says one, and what is given for several labels', async () => {
    const value = await start({
      head: async () => ({ ...head, target: 'regression', labels: [] }),
      predict: async () => ({
        head: { name: 'emoji', version: 3 },
        results: [{ ...prediction, labels: [], value: 2.5 }],
      }),
    });
    const ofValue = await sendJson(`${value.address}/models/emoji/infer`, { inputs: [text()] });
    expect((await ofValue.json()).outputs).toEqual([
      { name: 'value', datatype: 'FP32', shape: [1], data: [2.5] },
    ]);
    const given = await start({
      head: async () => ({ ...head, target: 'multi' }),
      predict: async () => ({
        head: { name: 'emoji', version: 3 },
        results: [
          { ...answer, labels: answer.labels.map((label, index) => ({ ...label, given: index === 0 })) },
        ],
      }),
    });
    const ofSeveral = await sendJson(`${given.address}/models/emoji/infer`, {
      inputs: [text()],
      outputs: [{ name: 'given' }],
    });
    expect((await ofSeveral.json()).outputs).toEqual([
      { name: 'given', datatype: 'BOOL', shape: [1, 2], data: [false, true] },
    ]);
  });
});

describe('the binary tensor data extension', () => {
  it('reads back any strings it writes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (elements) => {
        const { body, headerLength } = encodeResponse(
          {},
          [{ name: 'text', datatype: 'BYTES', shape: [elements.length], data: elements }],
          () => true,
        );
        const { outputs } = JSON.parse(body.subarray(0, headerLength).toString());
        const json = Buffer.from(JSON.stringify({ inputs: outputs }));
        const read = decodeRequest(Buffer.concat([json, body.subarray(headerLength)]), json.length);
        const tensor = read.inputs.get('text') as { elements: Buffer[] };
        expect(tensor.elements.map(String)).toEqual(elements);
      }),
    );
  });

  it('reads back any numbers it writes, as float32', () => {
    fc.assert(
      fc.property(fc.array(fc.float(), { minLength: 1 }), (numbers) => {
        const shape = [1, numbers.length];
        const tensor = { name: 'text_features', datatype: 'FP32', shape, data: numbers } as const;
        const { body, headerLength } = encodeResponse({}, [{ ...tensor, shape }], () => true);
        const { outputs } = JSON.parse(body.subarray(0, headerLength).toString());
        const json = Buffer.from(JSON.stringify({ inputs: outputs }));
        const read = decodeRequest(Buffer.concat([json, body.subarray(headerLength)]), json.length);
        expect(read.inputs.get('text_features')).toEqual({
          datatype: 'FP32',
          items: 1,
          width: numbers.length,
          values: Float32Array.from(numbers),
        });
      }),
    );
  });

  it('refuses every body that is none with a TandemError or a ZodError, never another', () => {
    const json = Buffer.from(
      '{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":9}}]}',
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(140), (bytes, length) => {
        try {
          decodeRequest(Buffer.concat([json, bytes]), length);
        } catch (error) {
          expect(['TandemError', 'ZodError']).toContain((error as Error).name);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
