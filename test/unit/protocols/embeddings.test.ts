import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import type { Services } from '../../../src/protocols/pipeline/services.ts';
import { fetch, problemOf, sendJson, serve, services } from './double.ts';

const image = 'data:image/png;base64,iVBORw0KGgo=';

async function client(changes: Partial<Services> = {}) {
  const { address } = await serve(services(changes));
  return new OpenAI({ baseURL: `${address}/v1`, apiKey: 'any', maxRetries: 0, fetch });
}

it('gives OpenAI’s client the features of texts, and what they cost', async () => {
  const openai = await client();
  const { data, model, usage } = await openai.embeddings.create({ model: 'texts', input: ['a', 'b'] });
  expect(data.map(({ index, embedding }) => [index, embedding])).toEqual([
    [0, [0, 0.5]],
    [1, [1, 0.5]],
  ]);
  expect(model).toBe('texts');
  expect(usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
});

it('gives the features of images that come as data URLs, as plain numbers where asked', async () => {
  const openai = await client();
  const { data, usage } = await openai.embeddings.create({
    model: 'images',
    input: image,
    encoding_format: 'float',
  });
  expect(data[0].embedding).toEqual([0, 0.5]);
  expect(usage.total_tokens).toBe(0);
});

it('takes texts and images as Jina’s clients send them, both at once where a model is named', async () => {
  const asked: unknown[] = [];
  const double = services({
    embed: async (items) => {
      asked.push(...items);
      return items.map(() => ({ features: Float32Array.of(3, 4), cost: 7 }));
    },
  });
  const { address } = await serve(double);
  const input = [{ text: 'a' }, { image: 'iVBORw0KGgo=' }, { image }, 'b', image];
  const response = await sendJson(`${address}/v1/embeddings`, { model: 'pair', input });
  const { data, model, usage } = await response.json();
  expect([data.length, model, usage.total_tokens]).toEqual([5, 'pair', 14]);
  const bytes = Buffer.from('iVBORw0KGgo=', 'base64');
  expect(asked).toEqual([
    { modality: 'text', encoder: 'pair', input: 'a' },
    { modality: 'image', encoder: 'pair', input: bytes },
    { modality: 'image', encoder: 'pair', input: bytes },
    { modality: 'text', encoder: 'pair', input: 'b' },
    { modality: 'image', encoder: 'pair', input: bytes },
  ]);
});

it('shortens embeddings to the dimensions that are asked for, and scales them to length 1', async () => {
  const embed = async () => [{ features: Float32Array.of(3, 4, 12), cost: 1 }];
  const openai = await client({ embed });
  const embedding = async (dimensions: number) => {
    const { data } = await openai.embeddings.create({ model: 'texts', input: 'a', dimensions });
    return data[0].embedding.map((value) => Number(value.toFixed(6)));
  };
  expect(await embedding(2)).toEqual([0.6, 0.8]);
  expect(await embedding(3)).toEqual([3, 4, 12]);
});

it('lists for OpenAI’s client the models that it can ask', async () => {
  const openai = await client();
  const { data } = await openai.models.list();
  expect(data.map(({ id }) => id)).toEqual(['images', 'texts']);
  for (const { id: model } of data)
    await openai.embeddings.create({ model, input: model === 'texts' ? 'a' : image });
});

it('tells OpenAI’s client what is wrong in its own words', async () => {
  const embed = async () => {
    throw new TandemError('unknown-encoder', 'there is no text encoder "gpt"; there are: texts');
  };
  const openai = await client({ embed });
  await expect(openai.embeddings.create({ model: 'gpt', input: 'a' })).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining('there is no text encoder "gpt"'),
  });
});

it.each([
  [{ input: ['a', image] }, 'invalid-request'],
  [{ input: [] }, 'invalid-request'],
  [{ input: 'a', dimensions: 8 }, 'invalid-request'],
  [{ input: ' ' }, 'empty-request'],
  [{ input: 'data:image/png;base64,%' }, 'invalid-image'],
])('refuses %j as %s', async (body, code) => {
  const { address } = await serve(services());
  expect(await problemOf(await sendJson(`${address}/v1/embeddings`, body))).toMatchObject({ code });
});

it.each([
  [
    { input: [1, 2] },
    'input: these are numbers of tokens, of another model’s vocabulary; send the texts themselves',
  ],
  [
    { input: [[1], [2]] },
    'input: these are numbers of tokens, of another model’s vocabulary; send the texts themselves',
  ],
  [{ input: { video: 'a' } }, 'input: it is no text or image; send one, or a list of them'],
  [{ input: ['a', null] }, 'input: its item 1 is no text or image'],
  [{ input: ['a', { text: 'a', image }] }, 'input: its item 1 is no text or image'],
  [{ input: [] }, 'input: there are none; send at least one text or image'],
  [{ input: Array(2049).fill('a') }, 'input: more than 2048 are too many; send them in several requests'],
  [{}, 'input: it is missing; send a text, an image, or a list of them'],
  [
    { input: ['a', image] },
    'input: texts and images come from different encoders; name a model that embeds both, or ask for them one after the other',
  ],
  [{ input: 'a', dimensions: 8 }, 'dimensions: an embedding of this model has 2 values, not 8'],
])('says of a request what is wrong with its input', async (body, detail) => {
  const { address } = await serve(services());
  expect(await problemOf(await sendJson(`${address}/v1/embeddings`, body))).toMatchObject({ detail });
});

it('takes JSON alone, and calls a request without a body empty', async () => {
  const { address } = await serve(services());
  const send = (init: RequestInit) => fetch(`${address}/v1/embeddings`, { method: 'POST', ...init });
  expect(await problemOf(await send({ body: 'input=a' }))).toMatchObject({
    status: 415,
    code: 'unsupported-media-type',
    detail: expect.stringContaining('application/json'),
  });
  expect(await problemOf(await send({}))).toMatchObject({ status: 400, code: 'empty-request' });
});

it.each([
  ['overloaded', 'server_error'],
  ['rate-limited', 'rate_limit_error'],
  ['text-too-long', 'invalid_request_error'],
] as const)('calls %s what OpenAI’s clients call it: %s', async (code, type) => {
  const embed = () => Promise.reject(new TandemError(code, 'so it is'));
  const { address } = await serve(services({ embed }));
  const problem = await problemOf(await sendJson(`${address}/v1/embeddings`, { input: 'a' }));
  expect(problem.error).toMatchObject({ type, code: `/problems/${code}` });
});

it('passes on what the encoders refuse', async () => {
  const embed = async () => {
    throw new TandemError('overloaded', '512 items are waiting', { retryAfter: 3 });
  };
  const { address } = await serve(services({ embed }));
  const response = await sendJson(`${address}/v1/embeddings`, { input: 'a' });
  expect(response.headers.get('Retry-After')).toBe('3');
  expect(await problemOf(response)).toMatchObject({ status: 503, code: 'overloaded' });
});
