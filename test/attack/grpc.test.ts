import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whileAsked } from './answering.ts';
import { AttackedServer } from './attacked-server.ts';
import { mostSoFar, underCeiling } from './ceiling.ts';
import { costlyMessages, largeMessages } from './payloads/messages.ts';

let server: AttackedServer;
beforeAll(async () => {
  server = await AttackedServer.start('--max-loop-delay', '0', '--memory', '0');
  // What is compiled and loaded once is no attack's doing.
  await send(Buffer.alloc(0), false);
  await send(largeMessages['a raw content'](), true);
});
afterAll(async () => {
  console.log(mostSoFar());
  await server?.[Symbol.asyncDispose]();
});

const invalidArgument = '3';
const resourceExhausted = '8';

/** Sends a message as it is, whatever a client would make of it. @returns the code of gRPC, as the trailers have it */
async function send(message: Buffer, isPacked: boolean): Promise<{ code: string | undefined }> {
  const content = isPacked ? gzipSync(message, { level: 1 }) : message;
  const prefix = Buffer.from([Number(isPacked), 0, 0, 0, 0]);
  prefix.writeUInt32BE(content.length, 1);
  const session = connect(`http://${server.grpc}`).on('error', () => {});
  const call = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ModelInfer',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(isPacked && { 'grpc-encoding': 'gzip' }),
  });
  call.setTimeout(60_000, () => call.destroy());
  call.on('error', () => {}).resume();
  let code: string | undefined;
  for (const event of ['response', 'trailers'])
    call.on(event, (headers) => {
      code ??= headers['grpc-status'];
    });
  const closed = new Promise((resolve) => call.once('close', resolve));
  call.end(Buffer.concat([prefix, content]));
  await closed;
  session.destroy();
  return { code };
}

const messages = Object.entries({ ...costlyMessages, ...largeMessages });
it.each(
  messages.flatMap(([name, make]) =>
    [false, true].map((isPacked) => [name, isPacked ? 'gzip' : 'plain', make] as const),
  ),
)('keeps its event loop and its memory under a message of %s, %s', async (_, packing, make) => {
  const message = make();
  const { code, problem, silent } = await underCeiling(server, () =>
    whileAsked(server.address, () => send(message, packing === 'gzip')),
  );
  expect({ problem, silent }).toEqual({ silent: [] });
  expect([invalidArgument, resourceExhausted]).toContain(code);
});
