import path from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { listenGrpc } from '../../../src/protocols/open-inference/grpc.ts';
import { checkMessage, inferLayout } from '../../../src/protocols/open-inference/message-size.ts';
import type { AppOptions } from '../../../src/protocols/pipeline/options.ts';
import { costlyMessages } from '../../attack/payloads/messages.ts';
import { services } from '../../unit/protocols/double.ts';

const proto = path.join(import.meta.dirname, '../../../src/protocols/open-inference/open_inference.proto');
const definition = loadSync(proto, { keepCase: true })['inference.GRPCInferenceService'] as unknown as Record<
  string,
  { requestSerialize(message: object): Buffer }
>;
const encode = (message: object) => definition.ModelInfer.requestSerialize(message);

async function start(options: Partial<AppOptions> = {}) {
  const server = await listenGrpc(
    services(),
    {
      logger: pino({ level: 'silent' }),
      defaultHead: 'emoji',
      uploadFolder: '.',
      requestTimeout: 10_000,
      maximumRequestBytes: 20 * 2 ** 20,
      maximumUploadBytes: 1000,
      ...options,
    },
    { host: '127.0.0.1', port: 0 },
  );
  const client = new Client(server.address, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return (bytes: Buffer, method = 'ModelInfer') =>
    new Promise<{ code: status; details: string }>((resolve) => {
      client.makeUnaryRequest(
        `/inference.GRPCInferenceService/${method}`,
        (given: Buffer) => given,
        (given) => given,
        bytes,
        (error) => resolve(error ?? { code: status.OK, details: '' }),
      );
    });
}

it.each(Object.keys(costlyMessages))(
  'refuses a message of millions of %s before it is decoded',
  async (name) => {
    const send = await start();
    const message = costlyMessages[name]!();
    const before = process.threadCpuUsage();
    const { code, details } = await send(message);
    expect({ code, details }).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/more than \d+ (fields|numbers)/),
    });
    // Most of them took as many seconds as they have millions, or ended the process.
    expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(2000);
  },
);

it('decodes nothing of a caller who has no key', async () => {
  const send = await start({ access: async () => undefined });
  expect(await send(Buffer.from('nonsense'))).toMatchObject({ code: status.UNAUTHENTICATED });
});

it.each(['ServerLive', 'ModelReady', 'ModelInfer'])(
  'calls bytes that are no message invalid: %s',
  async (method) => {
    const send = await start();
    for (const bytes of [
      Buffer.from([0x0a]),
      Buffer.from([0x0a, 5, 1]),
      Buffer.from([0x0b]),
      Buffer.alloc(12, 0xff),
    ])
      expect(await send(bytes, method)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringContaining('not a valid protobuf message'),
      });
  },
);

it('takes what the largest request needs', () => {
  const tensor = (name: string, contents: object) => ({ name, datatype: 'FP32', shape: [64, 1], contents });
  const elements = Array.from({ length: 64 }, () => Buffer.alloc(1000));
  const raw = [Buffer.alloc(4 * 64 * 4096)];
  for (const message of [
    {
      model_name: 'emoji',
      id: 'a',
      inputs: [tensor('image_features', { fp32_contents: new Array(64 * 4096).fill(1) })],
    },
    { inputs: [tensor('image', { bytes_contents: elements }), tensor('text', { bytes_contents: elements })] },
    {
      inputs: [tensor('a', {})],
      raw_input_contents: raw,
      parameters: { a: { string_param: 'x'.repeat(1000) } },
    },
    {
      inputs: [{ ...tensor('a', {}), parameters: { a: { int64_param: '9' } } }],
      outputs: [{ name: 'label' }],
    },
  ])
    expect(() => checkMessage(encode(message), inferLayout)).not.toThrow();
});
