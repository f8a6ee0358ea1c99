import { type Client, credentials, loadPackageDefinition, Metadata, type status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { onTestFinished } from 'vitest';

const proto = new URL('../src/protocols/open-inference/open_inference.proto', import.meta.url).pathname;

type Method = (
  request: object,
  metadata: Metadata,
  done: (error: { code: status; details: string } | null, answer?: object) => void,
) => void;

/** Of `ModelInfer`. */
export interface InferAnswer {
  model_name: string;
  outputs: { name: string; datatype: string; shape: string[] }[];
  raw_output_contents: Buffer[];
}

/**
 * What calls a gRPC server by the methods' names, until the test ends.
 * @example const call = connectGrpc(server.grpc); await call('ServerLive'); // { live: true }
 */
export function connectGrpc(address: string) {
  const { inference } = loadPackageDefinition(loadSync(proto, { keepCase: true })) as unknown as {
    inference: {
      GRPCInferenceService: new (address: string, secret: unknown) => Client & Record<string, Method>;
    };
  };
  const client = new inference.GRPCInferenceService(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return (method: string, request: object = {}, key?: string, more: Record<string, string> = {}) =>
    new Promise<object>((resolve, reject) => {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(more)) metadata.set(name, value);
      if (key) metadata.set('authorization', `Bearer ${key}`);
      client[method]?.(request, metadata, (error, answer) => (error ? reject(error) : resolve(answer ?? {})));
    });
}

/**
 * The outputs of a prediction over gRPC by name, as their bytes.
 * @example const { probabilities } = await inferByGrpc(server.grpc, 'pets', { name: 'text', values: [Buffer.from('a cat')] });
 */
export async function inferByGrpc(
  address: string,
  head: string,
  { name, values }: { name: string; values: Buffer[] },
): Promise<Record<string, Buffer>> {
  const input = { name, datatype: 'BYTES', shape: [values.length], contents: { bytes_contents: values } };
  const answer = await connectGrpc(address)('ModelInfer', { model_name: head, inputs: [input] });
  const { outputs, raw_output_contents: raw } = answer as InferAnswer;
  return Object.fromEntries(outputs.map((output, place) => [output.name, raw[place] ?? Buffer.alloc(0)]));
}
