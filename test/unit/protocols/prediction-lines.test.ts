import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import { linesOf as splitLines } from '../../../src/protocols/http/lines.ts';
import { fetch, prediction, problemOf, serve, services } from './double.ts';

const send = (address: string, body: BodyInit, query = '') =>
  fetch(`${address}/v1/predict${query}`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/x-ndjson' },
    // Node asks for it where the body is a stream.
    ...({ duplex: 'half' } as object),
  });

/** A line of the double's answers. */
const answered = { head: { name: 'emoji', version: 3 }, ...prediction };

const linesOf = async (response: Response) =>
  (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

it('answers every line with a line, in order, a bad one by its own error', async () => {
  let asked = 0;
  const predict: ReturnType<typeof services>['predict'] = async ([input]) => {
    const text = input!.content?.text;
    asked++;
    await pause(text === 'slow' ? 30 : 0);
    return { head: { name: 'emoji', version: 3 }, results: [{ ...prediction, value: Number(text) }] };
  };
  const { address } = await serve(services({ predict }));
  const body = ['{"text":"0"}', '', '{"text":"slow"}', '{', '{"text":"3","label":1}', '{}', '{"text":"6"}'];
  const response = await send(address, `${body.join('\n')}\n`, '?topK=2');
  expect(response.headers.get('Content-Type')).toMatch('application/x-ndjson');
  const lines = await linesOf(response);
  expect(lines.map(({ value, error }) => error?.type ?? value)).toEqual([
    0,
    null,
    '/problems/invalid-request',
    '/problems/invalid-request',
    '/problems/empty-request',
    6,
  ]);
  expect(asked).toBe(3);
});

it('echoes the id of a line as it was sent, with its answer or its error, and names the version that answered', async () => {
  let version = 3;
  const predict: ReturnType<typeof services>['predict'] = async () => ({
    head: { name: 'emoji', version: version++ },
    results: [prediction],
  });
  const { address } = await serve(services({ predict }));
  const sent = [
    '{"id":"007","text":"a"}',
    '{"text":"b","id":7}',
    '{"id":8}',
    '{"id":"nine","words":"?"}',
    '{"id":12345678901234567890,"text":"a"}',
  ];
  const lines = await linesOf(await send(address, sent.join('\n')));
  expect(lines.map(({ id }) => id)).toEqual(['007', 7, 8, 'nine', undefined]);
  expect(
    lines
      .slice(0, 2)
      .map(({ head }) => head.version)
      .sort(),
  ).toEqual([3, 4]);
  expect(lines.map(({ error }) => error?.detail)).toEqual([
    undefined,
    undefined,
    expect.stringContaining('neither'),
    expect.stringContaining('words'),
    expect.stringContaining('id: must be at most 9007199254740991'),
  ]);
});

it('answers while lines still come in', async () => {
  const { address } = await serve(services());
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* body() {
    yield Buffer.from('{"text":"first"}\n');
    await promise;
    yield Buffer.from('{"text":"second"}\n');
  }
  const response = await send(address, body() as unknown as BodyInit);
  const reader = response.body!.getReader();
  const first = await reader.read();
  expect(Buffer.from(first.value!).toString()).toMatch(/"cat"/);
  resolve();
  const rest = await reader.read();
  expect(Buffer.from(rest.value!).toString().trimEnd().split('\n')).toHaveLength(1);
});

it('names a line that is refused because the server is full, and goes on', async () => {
  let asked = 0;
  const predict: ReturnType<typeof services>['predict'] = async () => {
    if (asked++ === 1) throw new TandemError('overloaded', '512 items are waiting');
    return { head: { name: 'emoji', version: 3 }, results: [prediction] };
  };
  const { address } = await serve(services({ predict }));
  const lines = await linesOf(await send(address, '{"text":"a"}\n{"text":"b"}\n{"text":"c"}'));
  expect(lines.map(({ error }) => error?.status)).toEqual([undefined, 503, undefined]);
});

it('lets the lines of many streams wait for their turn, and takes a few at a time', async () => {
  let [now, most, patient] = [0, 0, 0];
  const predict: ReturnType<typeof services>['predict'] = async (_inputs, { mayWait }) => {
    most = Math.max(most, ++now);
    patient += Number(mayWait);
    await pause(5);
    now--;
    return { head: { name: 'emoji', version: 3 }, results: [prediction] };
  };
  const { address } = await serve(services({ predict }));
  const body = '{"text":"a"}\n'.repeat(200);
  const answers = await Promise.all(
    Array.from({ length: 6 }, async () => linesOf(await send(address, body))),
  );
  expect(answers.flat().filter(({ error }) => error === undefined)).toHaveLength(1200);
  expect(patient).toBe(1200);
  expect(most).toBeGreaterThan(64);
  expect(most).toBeLessThanOrEqual(128);
});

it('unpacks lines that come compressed, and names what is not what it says', async () => {
  const { address } = await serve(services());
  const packed = (encoding: string, body: BodyInit) =>
    fetch(`${address}/v1/predict`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/x-ndjson', 'Content-Encoding': encoding },
    });
  const lines = '{"text":"a"}\n{"text":"b"}\n';
  for (const [encoding, pack] of Object.entries({
    gzip: gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
  }))
    expect(await linesOf(await packed(encoding, new Uint8Array(pack(lines))))).toHaveLength(2);
  expect(await problemOf(await packed('zstd', lines))).toMatchObject({
    code: 'unsupported-media-type',
    detail: expect.stringContaining('zstd'),
  });
  expect(await problemOf(await packed('gzip', lines))).toMatchObject({ code: 'invalid-request' });
});

it('gives a line up that takes too long, and only that one', async () => {
  const predict: ReturnType<typeof services>['predict'] = async ([input], { signal }) => {
    const text = input!.content?.text;
    if (text === 'never')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return { head: { name: 'emoji', version: 3 }, results: [prediction] };
  };
  const { address } = await serve(services({ predict }), { requestTimeout: 50 });
  const lines = await linesOf(await send(address, '{"text":"never"}\n{"text":"b"}'));
  expect(lines.map(({ error }) => error?.status)).toEqual([504, undefined]);
});

it('refuses as a whole what names no head, or asks for something else in its address', async () => {
  const head = async () => {
    throw new TandemError('unknown-head', 'no head is named "pets"');
  };
  const { address } = await serve(services({ head }));
  expect(await problemOf(await send(address, '{"text":"a"}'))).toMatchObject({ code: 'unknown-head' });
  const odd = await send(address, '{"text":"a"}', '?topK=many');
  expect(await problemOf(odd)).toMatchObject({ code: 'invalid-request' });
});

it('refuses a line that is larger than a request may be, and ends where one does not end', async () => {
  const { address } = await serve(services(), { maximumRequestBytes: 100 });
  const long = `{"text":"${'x'.repeat(200)}"}`;
  const lines = await linesOf(await send(address, `${long}\n{"text":"b"}\n`));
  expect(lines.map(({ error }) => error?.status)).toEqual([413, undefined]);
  expect(await problemOf(await send(address, long))).toMatchObject({
    status: 413,
    code: 'payload-too-large',
  });
});

it('finds the same lines however they are cut into pieces, in the middle of a character too', async () => {
  const text = Buffer.from('größe\n\n  \r\n{"text":"猫"}\r\nlast');
  for (let size = 1; size <= text.length; size++) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
      text.subarray(size * index, size * (index + 1)),
    );
    const found = await Array.fromAsync(splitLines(Readable.from(pieces, { objectMode: false }), 100));
    expect(found.map((line) => line.trim())).toEqual(['größe', '{"text":"猫"}', 'last']);
  }
});

it('passes over a mark of the byte order before the first line', async () => {
  const { address } = await serve(services());
  const lines = await linesOf(await send(address, '\ufeff{"text":"a"}\n{"text":"b"}\n'));
  expect(lines).toEqual([answered, answered]);
});

it('looks at every byte of a long line once', async () => {
  const piece = Buffer.alloc(1000, 'x');
  let searched = 0;
  const counted = new Proxy(piece, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (key !== 'indexOf') return typeof value === 'function' ? value.bind(target) : value;
      return (...given: Parameters<Buffer['indexOf']>) => {
        searched += target.length;
        return target.indexOf(...given);
      };
    },
  });
  const [line] = await Array.fromAsync(splitLines(Readable.from(Array(500).fill(counted)), 10 ** 6));
  expect(line).toHaveLength(500_000);
  expect(searched).toBe(500_000);
});

it('refuses endless blank lines, also those that a small body unpacks to', async () => {
  const { address } = await serve(services());
  const blanks = gzipSync('\n'.repeat(2 ** 26), { level: 1 });
  const headers = { 'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'gzip' };
  const body = new Uint8Array(blanks);
  const answer = await fetch(`${address}/v1/predict`, { method: 'POST', body, headers });
  expect(await problemOf(answer)).toMatchObject({
    code: 'invalid-request',
    detail: 'there are more than 65536 bytes of blank lines in a row',
  });
  const some = `${'\n \r\n'.repeat(1000)}{"text":"a"}\n${'\u00a0\n'.repeat(1000)}{"text":"b"}${'\n'.repeat(1000)}`;
  expect(await linesOf(await send(address, some))).toEqual([answered, answered]);
});

it('answers others between short lines, however many come at once', async () => {
  const { address } = await serve(services());
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const lines = await linesOf(await send(address, '1\n'.repeat(5000)));
  clearInterval(timer);
  expect(lines).toHaveLength(5000);
  // They come in one piece, which was worked through without a turn for anybody else.
  expect(turns).toBeGreaterThan(20);
});

it('names the first fields of a line that has many, and refuses one that has thousands', async () => {
  const { address } = await serve(services());
  const fields = (count: number) =>
    `{${Array.from({ length: count }, (_, index) => `"${index}":1`).join(',')}}`;
  const lines = await linesOf(await send(address, `${fields(100)}\n${fields(5000)}\n`));
  expect(lines.map(({ error }) => error?.status)).toEqual([400, 413]);
  expect(lines[0].error!.detail).toContain('and 80 more');
});

it('explains the first lines of a stream, and refuses later ones by their own error', async () => {
  let [asked, atOnce, most] = [0, 0, 0];
  const predict: ReturnType<typeof services>['predict'] = async (_, { explain }) => {
    expect(explain).toEqual({});
    asked++;
    most = Math.max(most, ++atOnce);
    await pause(1);
    atOnce--;
    return { head: { name: 'emoji', version: 3 }, results: [prediction] };
  };
  const { address } = await serve(services({ predict }));
  const lines = await linesOf(await send(address, '{"text":"a"}\n'.repeat(70), '?explain=true'));
  expect(lines.slice(0, 64)).toEqual(new Array(64).fill(answered));
  const detail = expect.stringMatching(/^explain: the first 64 lines/);
  for (const { error } of lines.slice(64))
    expect(error).toMatchObject({ type: '/problems/invalid-request', detail });
  expect(lines).toHaveLength(70);
  expect(asked).toBe(64);
  expect(most).toBeLessThanOrEqual(2);
});
