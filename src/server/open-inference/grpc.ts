import path from 'node:path';
import {
  type handleUnaryCall,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { errorTable, TandemError } from '../../errors.ts';
import { type Access, checkScope } from '../access.ts';
import type { AppOptions } from '../options.ts';
import { requireReady } from '../readiness.ts';
import type { Services } from '../services.ts';
import { headOf, infer, serverMetadata } from './inference.ts';
import { describeModel } from './model.ts';
import { checkShape, type InferenceRequest, splitElements, toBytes } from './tensors.ts';

/** What of a call is read here; the field names are the protocol's. */
interface ModelCall {
  name: string;
  version: string;
}
interface InferCall {
  model_name: string;
  model_version: string;
  id: string;
  inputs: { name: string; datatype: string; shape: string[]; contents?: { bytes_contents: Buffer[] } }[];
  outputs: { name: string }[];
  raw_input_contents: Buffer[];
}

/** How gRPC names what HTTP has a status for. */
const codes: Record<number, status> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.FAILED_PRECONDITION,
  413: status.INVALID_ARGUMENT,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

export interface ListeningGrpc {
  /** `127.0.0.1:8081`. */
  address: string;
  /** Takes no new calls and waits for the open ones. */
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
  { host, port }: { host: string; port: number },
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
  const access = options.access ?? (async () => 'open' as const);
  const asked = <Call>(work: (call: Call, signal: AbortSignal) => Promise<object>) =>
    guarded(work, access, options);
  server.addService(inference.GRPCInferenceService.service, {
    // Whoever probes a server's health has no key.
    ServerLive: answering(async () => ({ live: true }), options),
    ServerReady: answering(() => requireReady(services).then(() => ({ ready: true })), options),
    ServerMetadata: asked(async () => serverMetadata),
    ModelReady: asked(async ({ name, version }: ModelCall) => {
      await headOf(services, name, version);
      await requireReady(services);
      return { ready: true };
    }),
    ModelMetadata: asked(async ({ name, version }: ModelCall) =>
      describeModel(await headOf(services, name, version)),
    ),
    ModelInfer: asked(async (call: InferCall, signal) => {
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
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, chosen) =>
      error
        ? reject(
            new TandemError(
              'invalid-configuration',
              `cannot listen on ${host} port ${port}: ${error.message}`,
            ),
          )
        : resolve(chosen),
    ),
  );
  return {
    address: `${host}:${bound}`,
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

type Handler = handleUnaryCall<object, object>;

/** Lets a call pass whose key, in the metadata `authorization`, may predict. */
function guarded<Call>(
  work: (call: Call, signal: AbortSignal) => Promise<object>,
  access: Access,
  options: AppOptions,
): Handler {
  return (call, done) =>
    answering<Call>(async (given, signal) => {
      const [authorization] = call.metadata.get('authorization');
      await checkScope(authorization?.toString(), 'predict', access);
      return work(given, signal);
    }, options)(call, done);
}

/** Answers a call, within its time; what is thrown becomes gRPC's kind of error. */
function answering<Call>(
  work: (call: Call, signal: AbortSignal) => Promise<object>,
  { requestTimeout, logger }: AppOptions,
): Handler {
  return (call, done) => {
    const controller = new AbortController();
    const giveUp = (detail: string) => controller.abort(new TandemError('deadline-exceeded', detail));
    const timer = setTimeout(() => giveUp(`no answer within ${requestTimeout} ms`), requestTimeout);
    call.on('cancelled', () => giveUp('the caller has left'));
    work(call.request as Call, controller.signal)
      .then(
        (answer) => done(null, answer),
        (error) => {
          const known = error instanceof TandemError ? error : undefined;
          if (!known) logger.error({ err: error, method: call.getPath() }, 'unexpected error');
          const { title, fix } = errorTable[known?.code ?? 'internal'];
          done({
            code: codes[errorTable[known?.code ?? 'internal'].status] ?? status.INTERNAL,
            details: known ? `${title}: ${known.message}. ${fix}` : title,
          });
        },
      )
      .finally(() => clearTimeout(timer));
  };
}

/** Elements come raw, in the order of the inputs, or in the inputs themselves. */
function readCall({ id, inputs, outputs, raw_input_contents: raw }: InferCall): InferenceRequest {
  if (inputs.length === 0) throw new TandemError('invalid-request', 'there are no inputs');
  if (raw.length > 0 && raw.length !== inputs.length)
    throw new TandemError('invalid-request', `${inputs.length} inputs, and ${raw.length} raw contents`);
  const read = new Map<string, Buffer[]>();
  for (const [index, { name, datatype, shape, contents }] of inputs.entries()) {
    if (datatype !== 'BYTES') throw new TandemError('invalid-request', `${name} is ${datatype}; send BYTES`);
    const elements = raw.length > 0 ? splitElements(name, raw[index]) : (contents?.bytes_contents ?? []);
    checkShape(name, shape.map(Number), elements.length);
    read.set(name, elements);
  }
  return { id, inputs: read, outputs: new Map(outputs.map(({ name }) => [name, true])), binaryOutput: true };
}
