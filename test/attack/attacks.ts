import { brotliCompressSync, constants } from 'node:zlib';
import type { Attack } from './attacked-server.ts';
import { packed, postJson } from './payloads/requests.ts';

/** Largest request of an attack, as it travels. */
const mebibyte = 2 ** 20;
/** What a request for predictions may unpack to. */
const unpacked = 20 * mebibyte;

const json = 'application/json';
const form = 'multipart/form-data';
const lines = 'application/x-ndjson';

/** Repeats a piece until there are about so many bytes. */
const filled = (piece: string, bytes: number) => piece.repeat(Math.ceil(bytes / piece.length));
const distinct = (bytes: number, piece: (index: number) => string) => {
  const pieces: string[] = [];
  for (let length = 0; length < bytes; length += pieces.at(-1)!.length) pieces.push(piece(pieces.length));
  return pieces.join('');
};

/** Bodies that cost more than their bytes, by media type; each is made to a size. */
const bodies: Record<string, Record<string, (bytes: number) => string>> = {
  [json]: {
    'a list of numbers': (bytes) => `{"inputs":[${filled('1,', bytes)}1]}`,
    'a list of objects': (bytes) => `{"input":[${filled('{},', bytes)}{}]}`,
    'unknown fields': (bytes) => `{${distinct(bytes, (index) => `"${index}":1,`)}"a":1}`,
    'nested lists': (bytes) => `{"outputs":${filled('[', bytes)}`,
    'a long name': (bytes) => `{"${filled('name', bytes)}":1}`,
    'a long value': (bytes) => `{"model":"${filled('text', bytes)}","head":"a","name":"b"}`,
    escapes: (bytes) => `{"id":"${filled('\\u0041', bytes)}"}`,
    digits: (bytes) => `{"version":${filled('1', bytes)}}`,
    'many items': (bytes) => `{"inputs":[${filled('{"text":"a"},', bytes)}{"text":"a"}]}`,
  },
  [lines]: {
    'blank lines': (bytes) => filled('\n', bytes),
    'short lines': (bytes) => filled('1\n', Math.min(bytes, 100_000)),
    'empty objects': (bytes) => filled('{}\n', Math.min(bytes, 100_000)),
    'one long line': (bytes) => `{"text":"${filled('a', bytes)}"}\n`,
    escapes: (bytes) => `{"text":"${filled('\\u0041', bytes)}"}\n`,
    'escaped quotes': (bytes) => `{"text":"${filled('\\"', bytes)}"}\n`,
    'lines of escapes': (bytes) =>
      filled(`{"other":"${filled('\\u0041', 600)}"}\n`, Math.min(bytes, mebibyte)),
    'nested lists': (bytes) => `{"text":${filled('[', bytes)}\n`,
    'lines of nested lists': (bytes) =>
      filled(`${'['.repeat(900)}${']'.repeat(900)}\n`, Math.min(bytes, mebibyte)),
    'lines of lists of numbers': (bytes) =>
      filled(`{"text":[${filled('1,', 900)}1]}\n`, Math.min(bytes, mebibyte)),
    'a list of objects': (bytes) => `{"text":[${filled('{},', bytes)}{}]}\n`,
    digits: (bytes) => `{"text":${filled('1', bytes)}}\n`,
    'a line of unknown fields': (bytes) => `{${distinct(bytes, (index) => `"${index}":1,`)}"a":1}\n`,
  },
  [form]: {
    'empty parts': (bytes) => `${filled('--b\r\n\r\n\r\n', bytes)}--b--\r\n`,
    'many fields': (bytes) =>
      `${distinct(bytes, (index) => `--b\r\nContent-Disposition: form-data; name="f${index}"\r\n\r\n1\r\n`)}--b--\r\n`,
    'a long field': (bytes) =>
      `--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n${filled('word ', bytes)}\r\n--b--\r\n`,
    'a long name': (bytes) =>
      `--b\r\nContent-Disposition: form-data; name="${filled('n', bytes)}"\r\n\r\n1\r\n--b--\r\n`,
    'nested names': (bytes) =>
      `--b\r\nContent-Disposition: form-data; name="a${filled('[a]', Math.min(bytes, 60_000))}"\r\n\r\n1\r\n--b--\r\n`,
    'half of a file': (bytes) =>
      `--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n${filled('PK\u0003\u0004', bytes)}`,
  },
};

/** What stands in the paths of the attacks; the head ships with the program, and so cannot be deleted. */
const named: Record<string, string> = { name: 'emoji', model: 'emoji', version: '1', alias: 'production' };

/** Operations of the description, by path and method. */
export type Paths = Record<string, Record<string, { requestBody?: { content: object }; responses: object }>>;

/** An attack on an operation that the description has. */
export interface RouteAttack extends Attack {
  /** Statuses that the description of the operation has. */
  documented: string[];
}

/** Every body that an operation may take, plain and compressed, and addresses and headers as long as they may be. */
export function* routeAttacks(paths: Paths): Generator<RouteAttack> {
  for (const [template, methods] of Object.entries(paths))
    for (const [method, { requestBody, responses }] of Object.entries(methods)) {
      const path = template.replaceAll(/\{(\w+)\}/g, (_, name) => named[name] ?? 'a');
      const operation = { method: method.toUpperCase(), path, documented: Object.keys(responses) };
      yield* addressAttacks(operation);
      for (const type of Object.keys(requestBody?.content ?? {}))
        for (const [name, make] of Object.entries(bodies[type] ?? {}))
          yield* bodyAttacks({ ...operation, name: `${type}: ${name}` }, type, make);
    }
}

function* addressAttacks(operation: Omit<RouteAttack, 'name'>): Generator<RouteAttack> {
  const { path } = operation;
  const query = distinct(15_000, (index) => `${index.toString(36)}&`);
  yield { ...operation, name: 'unknown parameters', path: `${path}?${query}` };
  yield { ...operation, name: 'one parameter again and again', path: `${path}?${filled('head=a&', 15_000)}` };
  yield { ...operation, name: 'question marks', path: `${path}?${filled('?', 15_000)}` };
  yield { ...operation, name: 'a NUL character', path: `${path}?head=%00` };
  const accepts = filled('text/html;q=0.1,', 15_000);
  yield { ...operation, name: 'a long header', headers: { Accept: accepts, 'Accept-Encoding': 'gzip' } };
  yield { ...operation, name: 'a body that nobody asked for', body: Buffer.alloc(mebibyte, '1') };
}

function* bodyAttacks(
  operation: RouteAttack,
  type: string,
  make: (bytes: number) => string,
): Generator<RouteAttack> {
  const headers = { 'Content-Type': type === form ? `${form}; boundary=b` : type };
  const plain = Buffer.from(make(mebibyte - 1024)).subarray(0, mebibyte);
  yield { ...operation, headers, body: plain };
  if (type === form) return;
  const large = Buffer.from(make(unpacked - 1024));
  yield {
    ...operation,
    name: `${operation.name}, gzip`,
    headers: { ...headers, 'Content-Encoding': 'gzip' },
    body: packed(large).subarray(0, mebibyte),
  };
  yield {
    ...operation,
    name: `${operation.name}, brotli`,
    headers: { ...headers, 'Content-Encoding': 'br' },
    body: brotliCompressSync(large, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }).subarray(
      0,
      mebibyte,
    ),
  };
}

const post = (path: string, name: string, value: unknown) => postJson(path, name, value, { isPacked: true });

/** Requests that are valid, and ask for as much as one may. */
export function largestRequests(): Attack[] {
  const features = Array.from({ length: 64 * 1280 }, (_, index) => index / 7);
  return [
    post('/v1/embeddings', '2,048 texts of a letter', {
      input: Array.from({ length: 2048 }, (_, index) => String.fromCharCode(97 + (index % 26))),
    }),
    post('/v2/models/emoji/infer', 'the features of 64 images', {
      inputs: [{ name: 'image_features', datatype: 'FP32', shape: [64, 1280], data: features }],
    }),
    post('/v1/predict', '64 texts of 100,000 letters', {
      inputs: Array.from({ length: 64 }, (_, index) => ({ text: filled(`word${index} `, 99_000) })),
    }),
    post('/v1/predict', 'base64 of a letter a line', {
      inputs: [
        { image: distinct(15 * mebibyte, (index) => `${String.fromCharCode(65 + (index % 26))}bcd\n`) },
      ],
    }),
  ];
}
