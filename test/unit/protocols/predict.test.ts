import { expect, it, vi } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import { Metrics } from '../../../src/protocols/pipeline/metrics.ts';
import { fetch, prediction, problemOf, sendForm, sendJson, serve, services } from './double.ts';

const image = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1]);
const base64 = image.toString('base64');

/** Serves a double that remembers what it was asked. */
async function serveRecording(options: Parameters<typeof serve>[1] = {}) {
  const predict = vi.fn(services().predict);
  const { address } = await serve(services({ predict }), options);
  return { address: `${address}/v1/predict`, asked: predict.mock.calls };
}

it('classifies the image and the text of a form', async () => {
  const { address, asked } = await serveRecording();
  const file = new Blob([image]);
  const response = await sendForm(address, { image: file, text: 'a cat', head: 'pets@3', topK: '2' });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ head: { name: 'emoji', version: 3 }, results: [prediction] });
  const [inputs, { head, topK }] = asked[0];
  expect(inputs).toEqual([{ content: { image: image, text: 'a cat' } }]);
  expect({ head, topK }).toEqual({ head: 'pets@3', topK: 2 });
});

it('classifies a batch of JSON, images as base64 or as data URLs, in the same shape', async () => {
  const { address, asked } = await serveRecording();
  const inputs = [{ image: base64 }, { image: `data:image/jpeg;base64,${base64}`, text: 'b' }, { text: 'c' }];
  const response = await sendJson(address, { head: 'pets@latest', topK: 1, inputs });
  expect(await response.json()).toEqual({
    head: { name: 'emoji', version: 3 },
    results: [prediction, prediction, prediction],
  });
  expect(asked[0][0]).toEqual([
    { content: { image: image } },
    { content: { image: image, text: 'b' } },
    { content: { text: 'c' } },
  ]);
});

it('asks the default head for five labels where a request says nothing else', async () => {
  const { address, asked } = await serveRecording({ defaultHead: 'flowers' });
  await sendForm(address, { text: 'a' });
  await sendJson(address, { inputs: [{ text: 'a' }] });
  for (const [, options] of asked) expect(options).toMatchObject({ head: 'flowers', topK: 5 });
  expect(asked).toHaveLength(2);
});

it('takes head and topK from the address too, for a form and for JSON, where the body says nothing else', async () => {
  const { address, asked } = await serveRecording();
  const there = `${address}?head=pets@2&topK=1`;
  expect((await sendForm(there, { text: 'a' })).status).toBe(200);
  expect((await sendJson(there, { inputs: [{ text: 'a' }] })).status).toBe(200);
  expect((await sendJson(`${address}?head=pets@2`, { topK: 1, inputs: [{ text: 'a' }] })).status).toBe(200);
  expect((await sendForm(there, { text: 'a', head: 'pets@2', topK: '1' })).status).toBe(200);
  for (const [, options] of asked) expect(options).toMatchObject({ head: 'pets@2', topK: 1 });
  expect(asked).toHaveLength(4);
});

it('refuses a body that contradicts its address', async () => {
  const { address, asked } = await serveRecording();
  const json = sendJson(`${address}?head=pets&topK=1`, { head: 'cars', topK: 2, inputs: [{ text: 'a' }] });
  const detail = 'head: it is pets in the address and cars in the body';
  expect(await problemOf(await json)).toMatchObject({
    status: 400,
    detail: `${detail}; topK: it is 1 in the address and 2 in the body; say it in one place`,
    errors: [{ at: 'head' }, { at: 'topK' }],
  });
  const form = await sendForm(`${address}?head=pets`, { head: 'cars', text: 'a' });
  expect(await problemOf(form)).toMatchObject({ detail: `${detail}; say it in one place` });
  expect(asked).toEqual([]);
});

it.each(['multipart/form-data', 'application/json', 'application/x-ndjson'])(
  'refuses a parameter of the address that it does not know, before it reads %s',
  async (type) => {
    const { address } = await serveRecording();
    const response = await fetch(`${address}?bogus=1`, {
      method: 'POST',
      headers: { 'Content-Type': type },
      body: '?',
    });
    expect(await problemOf(response)).toMatchObject({
      status: 400,
      code: 'invalid-request',
      detail:
        'bogus: there is no such parameter in the address; there are: head, topK, explain, explainLabel, explainParts',
    });
  },
);

it('echoes the ids of a batch, of its bad items too', async () => {
  const predict: ReturnType<typeof services>['predict'] = async (inputs) => ({
    head: { name: 'emoji', version: 3 },
    results: inputs.map(() => prediction),
  });
  const { address } = await serve(services({ predict }));
  const inputs = [{ id: '007', text: 'a' }, { id: 8 }, { text: 'b' }];
  const response = await sendJson(`${address}/v1/predict`, { inputs });
  const { results } = (await response.json()) as { results: { id?: unknown; error?: object }[] };
  expect(results.map(({ id }) => id)).toEqual(['007', 8, undefined]);
  expect(results.map(({ error }) => error !== undefined)).toEqual([false, true, false]);
});

it('answers the good items of a batch and names what is wrong with the others in their places', async () => {
  const predict = vi.fn(services().predict);
  predict.mockImplementation(async () => ({
    head: { name: 'emoji', version: 3 },
    results: [prediction, new TandemError('invalid-image', 'it breaks off')],
  }));
  const { address } = await serve(services({ predict }), { maximumTextCharacters: 10 });
  const inputs = [{ image: '%%%' }, { text: 'good' }, {}, { text: 'x'.repeat(11) }, { image: base64 }];
  const response = await sendJson(`${address}/v1/predict`, { inputs });
  expect(response.status).toBe(200);
  const { results } = await response.json();
  expect(results[1]).toEqual(prediction);
  expect(results.map(({ error }: { error?: { type: string } }) => error?.type)).toEqual([
    '/problems/invalid-image',
    undefined,
    '/problems/empty-request',
    '/problems/text-too-long',
    '/problems/invalid-image',
  ]);
  expect(results[0].error.errors).toEqual([
    { at: 'inputs[0].image', detail: 'it is neither base64 nor a data URL' },
  ]);
  expect(results[2].error.errors[0].at).toBe('inputs[2]');
  expect(results[3].error.detail).toBe('inputs[3].text: it has 11 characters, 10 are the limit');
  expect(predict.mock.calls[0][0]).toHaveLength(2);
});

it('answers a request of one item with that item’s problem', async () => {
  const predict = async () => ({
    head: { name: 'emoji', version: 3 },
    results: [new TandemError('image-too-small', 'the image is 1 by 1 pixels')],
  });
  const { address } = await serve(services({ predict }));
  const response = await sendForm(`${address}/v1/predict`, { image: new Blob([image]) });
  expect(await problemOf(response)).toMatchObject({ status: 422, code: 'image-too-small' });
});

it('takes base64 whose lines break, as mail and openssl write it', async () => {
  const { address, asked } = await serveRecording();
  const wrapped = (lineEnd: string) => base64.replaceAll(/.{4}/g, `$&${lineEnd}`);
  const inputs = [{ image: wrapped('\n') }, { image: `data:image/jpeg;base64,${wrapped('\r\n')}` }];
  expect((await sendJson(address, { inputs })).status).toBe(200);
  expect(asked[0][0]).toEqual([{ content: { image: image } }, { content: { image: image } }]);
});

it('does not ask the services about a request whose only item is bad', async () => {
  const { address, asked } = await serveRecording();
  const response = await sendJson(address, { inputs: [{ image: 'data:image/png,plain' }] });
  expect(await problemOf(response)).toMatchObject({
    code: 'invalid-image',
    detail: 'inputs[0].image: its data URL is not base64',
  });
  expect(asked).toEqual([]);
});

it.each(['a', 'ab=c', 'abc', '////=', 'a b=', 'QUJD\vQUJD', 'QUJ-', '====', '', 'data:image/png;base64,'])(
  'takes %j for no base64',
  async (image) => {
    const { address } = await serveRecording();
    const problem = await problemOf(await sendJson(address, { inputs: [{ image }] }));
    expect(problem).toMatchObject({
      code: 'invalid-image',
      detail: expect.stringMatching(/^inputs\[0\]\.image/),
    });
  },
);

it.each([
  ['no inputs', { inputs: [] }],
  ['an item without anything', { inputs: [{}] }],
  ['an item of white space', { inputs: [{ text: ' \n' }] }],
])('calls %s an empty request', async (_what, body) => {
  const { address } = await serveRecording();
  expect(await problemOf(await sendJson(address, body))).toMatchObject({
    status: 400,
    code: 'empty-request',
  });
});

it('calls a request without a body, and a form without image and text, empty', async () => {
  const { address } = await serveRecording();
  const bare = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
  expect((await problemOf(await fetch(address, bare))).code).toBe('empty-request');
  expect((await problemOf(await sendForm(address, { head: 'emoji' }))).code).toBe('empty-request');
});

it('names every bad field at once', async () => {
  const { address } = await serveRecording();
  const body = { head: 'No Name', topK: 0, top: 1, inputs: [{ text: 'a' }, { text: 5, img: 'x' }] };
  const { code, detail, errors } = await problemOf(await sendJson(address, body));
  expect(code).toBe('invalid-request');
  const places = errors.map(({ at }: { at: string }) => at).sort();
  expect(places).toEqual(['head', 'inputs[1].img', 'inputs[1].text', 'top', 'topK']);
  for (const place of places) expect(detail).toContain(place);
});

it.each<[string, Record<string, string | Blob>]>([
  ['topk', { text: 'a', topk: '3' }],
  ['topK', { text: 'a', topK: '' }],
  ['topK', { text: 'a', topK: '1001' }],
  ['topK', { text: 'a', topK: '2.5' }],
  ['head', { text: 'a', head: '../x' }],
  ['image', { image: 'not a file' }],
  ['photo', { photo: new Blob(['x']) }],
])('names the field %s of a bad form', async (at, fields) => {
  const { address } = await serveRecording();
  const problem = await problemOf(await sendForm(address, fields));
  expect(problem).toMatchObject({ code: 'invalid-request', errors: [{ at }] });
});

it.each([{ topK: '3' }, { topK: true }, { topK: null }])('takes no %j for a number', async (field) => {
  const { address } = await serveRecording();
  const problem = await problemOf(await sendJson(address, { ...field, inputs: [{ text: 'a' }] }));
  expect(problem).toMatchObject({ code: 'invalid-request', errors: [{ at: 'topK' }] });
});

it('names the limit of a text of 1 MB, in a form and in JSON', async () => {
  const { address } = await serveRecording();
  const text = 'x'.repeat(2 ** 20);
  for (const response of [await sendForm(address, { text }), await sendJson(address, { inputs: [{ text }] })])
    expect(await problemOf(response)).toMatchObject({
      status: 413,
      code: 'text-too-long',
      detail: expect.stringMatching(/text: it has 1048576 characters, 100000 are the limit/),
    });
});

it('takes no more items than it says', async () => {
  const { address } = await serveRecording({ maximumItems: 2 });
  const text = { text: 'a' };
  expect((await sendJson(address, { inputs: [text, text] })).status).toBe(200);
  const problem = await problemOf(await sendJson(address, { inputs: [text, text, text] }));
  expect(problem).toMatchObject({ code: 'invalid-request', errors: [{ at: 'inputs' }] });
});

it('refuses a request that is too large and names the limit', async () => {
  const { address } = await serveRecording({ maximumRequestBytes: 2 ** 20 });
  const large = 'x'.repeat(2 ** 20);
  const expected = { status: 413, code: 'payload-too-large', detail: 'the request is larger than 1 MiB' };
  expect(await problemOf(await sendJson(address, { inputs: [{ text: large }] }))).toMatchObject(expected);
  expect(await problemOf(await sendForm(address, { text: large }))).toMatchObject(expected);
  expect(await problemOf(await sendForm(address, { image: new Blob([large]) }))).toMatchObject(expected);
});

it.each(['text', 'image'])('counts a form of unknown length whose %s is too large', async (field) => {
  const { address, asked } = await serveRecording({ maximumRequestBytes: 1000 });
  const form = new FormData();
  const large = 'x'.repeat(2000);
  form.set(field, field === 'text' ? large : new Blob([large]));
  const { body, headers } = new Response(form);
  const response = await fetch(address, { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
  expect(await problemOf(response)).toMatchObject({
    code: 'payload-too-large',
    detail: 'the request is larger than 1000 bytes',
  });
  expect(asked).toEqual([]);
});

it('says when to come back where it is overloaded', async () => {
  const predict = () => Promise.reject(new TandemError('overloaded', 'full', { retryAfter: 1.2 }));
  const { address } = await serve(services({ predict }));
  const response = await sendForm(`${address}/v1/predict`, { text: 'a' });
  expect(response.headers.get('Retry-After')).toBe('2');
  expect(await problemOf(response)).toMatchObject({ status: 503, code: 'overloaded' });
});

it('gives up at the deadline, even on services that never answer, and tells them', async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<TandemError>();
  const predict: ReturnType<typeof services>['predict'] = (_inputs, { signal }) => {
    signal.addEventListener('abort', () => resolve(signal.reason));
    return new Promise(() => {});
  };
  const { address } = await serve(services({ predict }), { requestTimeout: 50 });
  const response = await sendForm(`${address}/v1/predict`, { text: 'a' });
  expect(await problemOf(response)).toMatchObject({
    status: 504,
    code: 'deadline-exceeded',
    detail: 'no answer within 50 ms',
  });
  expect((await aborted).code).toBe('deadline-exceeded');
});

it('aborts what is left of the work where a part of it has failed', async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<TandemError>();
  const predict: ReturnType<typeof services>['predict'] = (_inputs, { signal }) => {
    signal.addEventListener('abort', () => resolve(signal.reason));
    return Promise.reject(new TandemError('overloaded', 'full'));
  };
  const { address } = await serve(services({ predict }));
  expect((await sendForm(`${address}/v1/predict`, { text: 'a' })).status).toBe(503);
  expect((await aborted).code).toBe('overloaded');
});

it('aborts the work of a caller who left, and logs that nobody waited', async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  const predict: ReturnType<typeof services>['predict'] = (_inputs, { signal }) => {
    signal.addEventListener('abort', () => abort());
    start();
    return new Promise(() => {});
  };
  const { address, logged } = await serve(services({ predict }));
  const caller = new AbortController();
  const body = { inputs: [{ text: 'a' }] };
  const response = sendJson(`${address}/v1/predict`, body, { signal: caller.signal });
  await started;
  caller.abort();
  await expect(response).rejects.toThrow();
  await aborted;
  await expect.poll(logged).toContain('"status":499');
  expect(logged()).not.toContain('unexpected error');
});

it('counts what became of every item by its head, and of a request that fails as a whole', async () => {
  const metrics = new Metrics();
  const predict = vi.fn(services().predict);
  const { address } = await serve(services({ predict }), { metrics });
  await sendJson(`${address}/v1/predict`, { inputs: [{ text: 'a' }, { text: 'b' }, { image: '%%%' }] });
  predict.mockRejectedValue(new TandemError('overloaded', '512 items are waiting'));
  await sendJson(`${address}/v1/predict`, { inputs: [{ text: 'a' }, { text: 'b' }] });
  const text = await metrics.text();
  for (const [outcome, items] of Object.entries({ ok: 2, 'invalid-image': 1, overloaded: 2 }))
    expect(text).toContain(`predictions_total{head="emoji",version="3",outcome="${outcome}"} ${items}`);
});

it('asks for explanations where a form, JSON or the address says so', async () => {
  const { address, asked } = await serveRecording();
  const form = { text: 'a', explain: 'true', explainLabel: 'cat', explainParts: '16' };
  const json = { inputs: [{ text: 'a' }], explain: true };
  expect((await sendForm(address, form)).status).toBe(200);
  expect((await sendJson(address, json)).status).toBe(200);
  expect((await sendJson(`${address}?explain=true&explainParts=9`, json)).status).toBe(200);
  expect((await sendJson(address, { ...json, explain: false })).status).toBe(200);
  expect(asked.map(([, { explain }]) => explain)).toEqual([
    { label: 'cat', parts: 16 },
    {},
    { parts: 9 },
    undefined,
  ]);
});

it.each([
  [{ explain: 'yes' }, 'explain'],
  [{ explain: true, explainParts: 3 }, 'explainParts'],
  [{ explain: true, explainParts: 65 }, 'explainParts'],
  [{ explainLabel: 'cat' }, 'explainLabel'],
  [{ explain: false, explainParts: 16 }, 'explainParts'],
])('refuses what cannot be explained so: %j', async (fields, at) => {
  const { address, asked } = await serveRecording();
  const response = await sendJson(address, { inputs: [{ text: 'a' }], ...fields });
  expect(await problemOf(response)).toMatchObject({
    ...{ status: 400, code: 'invalid-request' },
    errors: [{ at }],
  });
  expect(asked).toHaveLength(0);
});

it('explains eight items of a request, and refuses more', async () => {
  const { address, asked } = await serveRecording();
  const of = (count: number) => ({ explain: true, inputs: new Array(count).fill({ text: 'a' }) });
  expect((await sendJson(address, of(8))).status).toBe(200);
  expect(await problemOf(await sendJson(address, of(9)))).toMatchObject({
    status: 400,
    detail: expect.stringMatching(/^explain: at most 8 items .*, and it has 9; send fewer/),
  });
  expect(asked).toHaveLength(1);
});

it('links the training examples of an explanation below the base path, where their dataset is registered', async () => {
  const truth = { class: 'cat' };
  const nearest = [
    { row: 17, truth, similarity: 0.9, dataset: 'pets-0123' },
    { row: 3, truth, similarity: 0.8 },
  ];
  const explanation = { answer: 0.9, modalities: {}, nearest, cost: { encodes: 0, milliseconds: 1 } };
  const { address } = await serve(
    services({
      predict: async () => ({
        head: { name: 'emoji', version: 3 },
        results: [{ ...prediction, explanation }],
      }),
    }),
    { basePath: '/ml' },
  );
  const response = await sendJson(`${address}/ml/v1/predict`, { explain: true, inputs: [{ text: 'a' }] });
  const [result] = (await response.json()).results;
  expect(result.explanation.nearest).toEqual([
    { ...nearest[0], href: '/ml/v1/datasets/pets-0123/rows?row=17' },
    nearest[1],
  ]);
});
