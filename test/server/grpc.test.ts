import path from 'node:path';
import { type Client, credentials, loadPackageDefinition, Metadata, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { TandemError } from '../../src/errors.ts';
import { listenGrpc } from '../../src/server/open-inference/grpc.ts';
import type { AppOptions } from '../../src/server/options.ts';
import { services } from './double.ts';

const proto = path.join(import.meta.dirname, '../../src/server/open-inference/open_inference.proto');

type Call = (
  request: object,
  metadata: Metadata,
  done: (error: { code: status; details: string } | null, answer?: object) => void,
) => void;

/** Serves the double over gRPC, and makes what calls it. */
async function start(replaced: Parameters<typeof services>[0] = {}, options: Partial<AppOptions> = {}) {
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
    { host: '127.0.0.1', port: 0 },
  );
  const { inference } = loadPackageDefinition(loadSync(proto, { keepCase: true })) as unknown as {
    inference: {
      GRPCInferenceService: new (address: string, secret: unknown) => Client & Record<string, Call>;
    };
  };
  const client = new inference.GRPCInferenceService(server.address, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return (method: string, request: object = {}, key?: string) =>
    new Promise<object>((resolve, reject) => {
      const metadata = new Metadata();
      if (key) metadata.set('authorization', `Bearer ${key}`);
      client[method](request, metadata, (error, answer) => (error ? reject(error) : resolve(answer!)));
    });
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

it.each<[string, object]>([
  ['no inputs', { inputs: [] }],
  ['another type', { inputs: [{ ...text, datatype: 'FP32' }] }],
  ['a shape that does not fit', { inputs: [{ ...text, shape: [2] }] }],
  ['raw contents for another number of inputs', { raw_input_contents: [Buffer.alloc(4), Buffer.alloc(4)] }],
  ['raw contents that break off', { raw_input_contents: [Buffer.from([9, 0, 0, 0, 1])] }],
  ['an unknown output', { outputs: [{ name: 'mood' }] }],
])('refuses %s', async (_what, change) => {
  const call = await start();
  await expect(call('ModelInfer', { ...infer, ...change })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});

it('gives up a call that takes too long', async () => {
  const predict: ReturnType<typeof services>['predict'] = (_inputs, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const call = await start({ predict }, { requestTimeout: 50 });
  await expect(call('ModelInfer', infer)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
});
