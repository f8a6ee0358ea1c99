import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import { listenGrpc } from '../../../src/protocols/open-inference/grpc.ts';
import type { Access } from '../../../src/protocols/pipeline/access.ts';
import { LoadShedding } from '../../../src/protocols/pipeline/load-shedding.ts';
import { Metrics } from '../../../src/protocols/pipeline/metrics.ts';
import type { AppOptions } from '../../../src/protocols/pipeline/options.ts';
import { RateLimit } from '../../../src/protocols/pipeline/rate-limit.ts';
import { Stopping } from '../../../src/protocols/pipeline/stopping.ts';
import { connectGrpc } from '../../grpc-client.ts';
import { serveOnPort, services } from '../../unit/protocols/double.ts';

/** Serves the double over gRPC, and makes what calls it. */
async function start(
  replaced: Parameters<typeof services>[0] = {},
  options: Partial<AppOptions> = {},
  place: { host: string; port?: number; drainTime?: number } = { host: '127.0.0.1' },
) {
  const server = await listenGrpc(
    services(replaced),
    {
      logger: pino({ level: 'silent' }),
      defaultHead: 'emoji',
      uploadFolder: '.',
      requestTimeout: 1000,
      maximumRequestBytes: 10_000,
      maximumUploadBytes: 1000,
      ...options,
    },
    { port: 0, ...place },
  );
  onTestFinished(() => server.close());
  return Object.assign(connectGrpc(server.address), { server });
}

const text = {
  name: 'text',
  datatype: 'BYTES',
  shape: [1],
  contents: { bytes_contents: [Buffer.from('a')] },
};
const infer = { model_name: 'emoji', inputs: [text] };

it('asks for a key where the server does, but not of who probes its health', async () => {
  const call = await start({}, { access: async (secret) => (secret === 'right' ? 'predict' : undefined) });
  expect(await call('ServerLive')).toEqual({ live: true });
  expect(await call('ServerReady')).toEqual({ ready: true });
  await expect(call('ModelInfer', infer)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  await expect(call('ModelInfer', infer, 'wrong')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  expect(await call('ModelReady', { name: 'emoji' }, 'right')).toEqual({ ready: true });
});

it('refuses without a key what a proxy on this machine passes on', async () => {
  const proxied = { 'x-forwarded-for': '192.0.2.7' };
  const keyless = await start({}, { thisMachineAlone: true });
  await expect(keyless('ModelInfer', infer, undefined, proxied)).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('--anonymous everyone'),
  });
  expect(await keyless('ServerLive', {}, undefined, proxied)).toEqual({ live: true });
  expect(await keyless('ModelReady', { name: 'emoji' })).toEqual({ ready: true });
  const access: Access = async (secret) => (secret === 'right' ? 'predict' : undefined);
  const keyed = await start({}, { thisMachineAlone: true, access });
  expect(await keyed('ModelReady', { name: 'emoji' }, 'right', proxied)).toEqual({ ready: true });
});

it('counts calls and requests over HTTP together where callers may ask only so often', async () => {
  const access: Access = async (secret) => (secret && 'ab'.includes(secret) ? 'admin' : 'open');
  const rateLimit = new RateLimit(3, access);
  const { address } = await serveOnPort(services(), { rateLimit });
  const call = await start({}, { rateLimit });
  const headers = { Authorization: 'Bearer a' };
  expect((await fetch(`${address}/v1/heads`, { headers })).status).toBe(200);
  for (let time = 0; time < 2; time++) await call('ModelInfer', infer, 'a');
  const refused = await call('ModelInfer', infer, 'a').catch((error) => error);
  expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  expect(Number(refused.metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(0);
  expect((await fetch(`${address}/v1/heads`, { headers })).status).toBe(429);
  await call('ModelInfer', infer, 'b');
  for (let time = 0; time < 5; time++) await call('ServerLive');
  // Without keys it is the address that counts: HTTP and gRPC come from the same.
  for (let time = 0; time < 3; time++) expect((await fetch(`${address}/v1/heads`)).status).toBe(200);
  await expect(call('ModelInfer', infer)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});

it('counts calls and what became of their items, and logs each with its id', async () => {
  const metrics = new Metrics();
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  let full = false;
  const predict: ReturnType<typeof services>['predict'] = async (...given) => {
    if (full) throw new TandemError('overloaded', '512 items are waiting', { retryAfter: 2 });
    return services().predict(...given);
  };
  const call = await start({ predict }, { metrics, logger });
  await call('ModelInfer', infer);
  full = true;
  const refused = await call('ModelInfer', infer).catch((error) => error);
  expect(refused.metadata.get('grpc-retry-pushback-ms')).toEqual(['2000']);
  await expect.poll(() => lines.length).toBe(2);
  const text = await metrics.text();
  for (const outcome of ['ok', 'overloaded'])
    expect(text).toContain(`tandem_predictions_total{head="emoji",version="3",outcome="${outcome}"} 1`);
  const path = '/inference.GRPCInferenceService/ModelInfer';
  for (const code of ['OK', 'UNAVAILABLE'])
    expect(text).toContain(`tandem_grpc_call_seconds_count{method="${path}",code="${code}"} 1`);
  expect(JSON.parse(lines[1])).toMatchObject({ id: expect.any(String), path, status: 'UNAVAILABLE' });
  expect(lines.join('')).not.toContain('contents');
});

it('says in gRPC’s own kinds of error what is wrong, and what to do', async () => {
  const failing = (error: Error) => ({
    predict: async () => {
      throw error;
    },
  });
  const full = await start(failing(new TandemError('overloaded', '512 items are waiting')));
  await expect(full('ModelInfer', infer)).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('512 items are waiting'),
  });
  const lost = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const away = await start(failing(lost));
  const refused = await away('ModelInfer', infer).catch((error) => error);
  expect(refused).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringContaining(lost.message) });
  expect(refused.metadata.get('grpc-retry-pushback-ms')).toEqual(['5000']);
  const broken = await start(failing(new Error('a secret of ours')));
  await expect(broken('ModelInfer', infer)).rejects.toMatchObject({
    code: status.INTERNAL,
    details: expect.not.stringContaining('secret'),
  });
  const call = await start({
    head: async () => {
      throw new TandemError('unknown-head', 'no head is named "pets"');
    },
  });
  await expect(call('ModelMetadata', { name: 'pets' })).rejects.toMatchObject({ code: status.NOT_FOUND });
});

const features = {
  name: 'text_features',
  datatype: 'FP32',
  shape: [1, 2],
  contents: { fp32_contents: [0.5, -2] },
};

it('takes features as FP32, in the tensor or raw', async () => {
  const asked: unknown[] = [];
  const predict: ReturnType<typeof services>['predict'] = (inputs, given) => {
    asked.push(inputs);
    return services().predict(inputs, given);
  };
  const call = await start({ predict });
  await call('ModelInfer', { ...infer, inputs: [features] });
  const { contents: _, ...form } = features;
  const raw = Buffer.from(Float32Array.of(0.5, -2).buffer);
  await call('ModelInfer', { ...infer, inputs: [form], raw_input_contents: [raw] });
  const item = { features: { text: Float32Array.of(0.5, -2) } };
  expect(asked).toMatchObject([[item], [item]]);
});

it.each<[string, object]>([
  ['no inputs', { inputs: [] }],
  ['another type', { inputs: [{ ...text, datatype: 'INT8' }] }],
  ['features of another width', { inputs: [{ ...features, shape: [2, 1] }] }],
  [
    'features that are not finite',
    { inputs: [{ ...features, contents: { fp32_contents: [1, Number.NaN] } }] },
  ],
  ['an input twice', { inputs: [text, text] }],
  ['contents beside raw contents', { raw_input_contents: [Buffer.from([1, 0, 0, 0, 97])] }],
  ['a shape that does not fit', { inputs: [{ ...text, shape: [2] }] }],
  ['raw contents for another number of inputs', { raw_input_contents: [Buffer.alloc(4), Buffer.alloc(4)] }],
  [
    'raw contents that break off',
    { inputs: [{ ...text, contents: undefined }], raw_input_contents: [Buffer.from([9, 0, 0, 0, 1])] },
  ],
  ['an unknown output', { outputs: [{ name: 'mood' }] }],
])('refuses %s', async (_what, change) => {
  const call = await start();
  await expect(call('ModelInfer', { ...infer, ...change })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});

it('says which port is taken and what to type, and prints nothing else', async () => {
  const printed = vi.spyOn(console, 'error');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  await expect(start({}, {}, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: `port ${port} on 127.0.0.1 is taken; choose another with --grpc-port, or --grpc-port 0 for any free one`,
  });
  expect(printed).not.toHaveBeenCalled();
  printed.mockRestore();
});

it('names every version of a head that can be asked', async () => {
  const call = await start();
  expect(await call('ModelMetadata', { name: 'emoji' })).toMatchObject({ versions: ['1', '2'] });
});

it('gives up a call that takes too long', async () => {
  const predict: ReturnType<typeof services>['predict'] = (_inputs, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const call = await start({ predict }, { requestTimeout: 50 });
  await expect(call('ModelInfer', infer)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
});

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

it.runIf(hasIPv6)('listens on an address of IPv6', async () => {
  const call = await start({}, {}, { host: '::1' });
  expect(call.server.address).toMatch(/^\[::1\]:\d+$/);
  expect(await call('ServerLive')).toEqual({ live: true });
});

it('answers what it has taken when it is told to stop, and waits so long for it and no longer', async () => {
  let answer = () => {};
  const asked = Promise.withResolvers<void>();
  const predict: ReturnType<typeof services>['predict'] = async (...given) => {
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    asked.resolve();
    await answered;
    return services().predict(...given);
  };
  const patient = await start({ predict }, {}, { host: '127.0.0.1', drainTime: 60_000 });
  const taken = patient('ModelInfer', infer);
  await asked.promise;
  const closed = patient.server.close();
  answer();
  expect(await taken).toMatchObject({ model_name: 'emoji' });
  await closed;

  const hasty = await start(
    { predict: () => new Promise(() => {}) },
    {},
    { host: '127.0.0.1', drainTime: 50 },
  );
  const lost = hasty('ModelInfer', infer).catch((error) => error);
  await hasty('ServerLive');
  await hasty.server.close();
  expect(await lost).toMatchObject({ code: expect.any(Number) });
});

it.each([
  { name: 'emoji@production', version: '99' },
  { name: 'emoji@3', version: '' },
  { name: 'emoji', version: '3@1' },
  { name: '../emoji', version: '' },
  { name: 'emoji\u0000', version: '' },
])('takes %j for no model', async ({ name, version }) => {
  const head = vi.fn();
  const call = await start({ head });
  for (const [method, request] of [
    ['ModelReady', { name, version }],
    ['ModelMetadata', { name, version }],
    ['ModelInfer', { ...infer, model_name: name, model_version: version }],
  ] as const)
    await expect(call(method, request)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(head).not.toHaveBeenCalled();
});

it('refuses calls while the server is late, but not those that probe its health', async () => {
  const loadShedding = new LoadShedding({ maximumDelay: 40 });
  onTestFinished(() => loadShedding.close());
  loadShedding.check = () => {
    throw new TandemError('overloaded', 'the event loop is late', { retryAfter: 1 });
  };
  const call = await start({}, { loadShedding });
  const refused = await call('ModelInfer', infer).catch((error) => error);
  expect(refused).toMatchObject({ code: status.UNAVAILABLE });
  expect(refused.metadata.get('grpc-retry-pushback-ms')).toEqual(['1000']);
  expect(await call('ServerLive')).toEqual({ live: true });
  expect(await call('ServerReady')).toEqual({ ready: true });
});

it('says that it is not ready while its server drains, and goes on answering', async () => {
  const stopping = new Stopping();
  const call = await start({}, { stopping });
  expect(await call('ServerReady')).toEqual({ ready: true });
  stopping.drain();
  await expect(call('ServerReady')).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('the server stops'),
  });
  expect(await call('ServerLive')).toEqual({ live: true });
  expect(await call('ModelInfer', infer)).toMatchObject({ model_name: 'emoji' });
});
