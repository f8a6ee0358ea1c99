import { createServer, isIPv6 } from 'node:net';
import path from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { TandemError } from '../../errors.ts';
import { cannotListen, type ListenOptions, usualDrainTime } from '../http/listen.ts';
import type { AppOptions } from '../pipeline/options.ts';
import { requireReady } from '../pipeline/readiness.ts';
import type { Services } from '../pipeline/services.ts';
import { GrpcCalls, type Undecoded } from './grpc-calls.ts';
import { headOf, infer, modelOf, serverMetadata } from './inference.ts';
import { checkMessage, inferLayout, notMessage } from './message-size.ts';
import {
  addTensor,
  type InferenceRequest,
  type InputTensor,
  longestId,
  mostTensors,
  readTensor,
  toBytes,
} from './tensors.ts';

/** What of a call is read here; the field names are the protocol's. */
interface ModelCall {
  name: string;
  version: string;
}
interface InferCall {
  model_name: string;
  model_version: string;
  id: string;
  inputs: {
    name: string;
    datatype: string;
    shape: string[];
    contents?: { bytes_contents: Buffer[]; fp32_contents: number[] };
  }[];
  outputs: { name: string }[];
  raw_input_contents: Buffer[];
}

export interface ListeningGrpc {
  /** `127.0.0.1:8081`. */
  address: string;
  /** Takes no new calls and waits for the open ones, then cuts off what is left. */
  close(): Promise<void>;
}

/**
 * Answers the Open Inference Protocol over gRPC, without TLS, with the keys and heads of the HTTP server.
 * @throws TandemError `invalid-configuration` where the address is taken or not ours
 * @example const grpc = await listenGrpc(services, options, { host: '127.0.0.1', port: 8081 });
 */
export async function listenGrpc(
  services: Services,
  options: AppOptions,
  { host, port, drainTime = usualDrainTime }: Pick<ListenOptions, 'host' | 'port' | 'drainTime'>,
): Promise<ListeningGrpc> {
  const server = new Server({ 'grpc.max_receive_message_length': options.maximumRequestBytes });
  const definition = loadSync(path.join(import.meta.dirname, 'open_inference.proto'), {
    keepCase: true,
    longs: String,
    defaults: true,
  });
  const { inference } = loadPackageDefinition(definition) as unknown as {
    inference: { GRPCInferenceService: ServiceClientConstructor };
  };
  const calls = new GrpcCalls(options);
  server.addService(decodedByHandlers(inference.GRPCInferenceService.service), {
    // Health probes have no key.
    ServerLive: calls.open(async () => ({ live: true })),
    ServerReady: calls.open(() => requireReady(services, options).then(() => ({ ready: true }))),
    ServerMetadata: calls.guarded(async () => serverMetadata),
    ModelReady: calls.guarded(async ({ name, version }: ModelCall) => {
      await headOf(services, name, version);
      await requireReady(services, options);
      return { ready: true };
    }),
    ModelMetadata: calls.guarded(async ({ name, version }: ModelCall) => modelOf(services, name, version)),
    ModelInfer: calls.guarded(async (call: InferCall, signal) => {
      const head = await headOf(services, call.model_name, call.model_version);
      const outputs = await infer(services, options, head, readCall(call), signal);
      return {
        model_name: head.name,
        model_version: String(head.version),
        id: call.id,
        outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        raw_output_contents: outputs.map(({ datatype, data }) => toBytes(datatype, data)),
      };
    }),
  });
  const name = isIPv6(host) ? `[${host}]` : host;
  await checkPortIsFree(host, port);
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${name}:${port}`, ServerCredentials.createInsecure(), (error, chosen) =>
      error ? reject(cannotListenGrpc(error, host, port)) : resolve(chosen),
    ),
  );
  return {
    address: `${name}:${bound}`,
    async close() {
      const cutOff = setTimeout(() => server.forceShutdown(), drainTime);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(cutOff);
    },
  };
}

/**
 * The service, its messages given to handlers as they came: gRPC itself would decode them before anybody knows whether the
 * caller has a key and how much is in them, and would call it an internal error where that fails.
 */
function decodedByHandlers(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      {
        ...method,
        requestDeserialize: (bytes: Buffer): Undecoded<unknown> => ({
          decode() {
            checkMessage(bytes, name === 'ModelInfer' ? inferLayout : {});
            try {
              return method.requestDeserialize(bytes);
            } catch (error) {
              throw notMessage(error);
            }
          },
        }),
      },
    ]),
  );
}

/** gRPC says nothing of why it cannot listen, but prints a line of its own: so a plain server tries first. */
async function checkPortIsFree(host: string, port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(cannotListenGrpc(error, host, port)));
    probe.listen(port, host, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

function cannotListenGrpc(error: Error, host: string, port: number): TandemError {
  return cannotListen(error, { what: 'listen for gRPC', host, port, flag: '--grpc-port' });
}

/** Elements come raw, in the order of the inputs, or in the inputs themselves. */
function readCall({ id, inputs, outputs, raw_input_contents: raw }: InferCall): InferenceRequest {
  if (inputs.length === 0) throw new TandemError('invalid-request', 'there are no inputs');
  if (inputs.length > mostTensors || outputs.length > mostTensors)
    throw new TandemError('invalid-request', `more than ${mostTensors} inputs or outputs`);
  if (id.length > longestId)
    throw new TandemError('invalid-request', `the id has more than ${longestId} characters`);
  if (raw.length > 0 && raw.length !== inputs.length)
    throw new TandemError('invalid-request', `${inputs.length} inputs, and ${raw.length} raw contents`);
  const read = new Map<string, InputTensor>();
  for (const [index, { name, datatype, shape, contents }] of inputs.entries()) {
    if (raw.length > 0 && contents)
      throw new TandemError(
        'invalid-request',
        `${name} has contents beside raw_input_contents; send one of them`,
      );
    const own = datatype === 'FP32' ? contents?.fp32_contents : contents?.bytes_contents;
    const content = (raw.length > 0 ? raw[index] : own) ?? [];
    addTensor(read, name, readTensor({ name, datatype, shape: shape.map(Number) }, content));
  }
  return { id, inputs: read, outputs: new Map(outputs.map(({ name }) => [name, true])), binaryOutput: true };
}
