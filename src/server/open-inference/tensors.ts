import { z } from 'zod';
import { TandemError } from '../../errors.ts';

/** Strings of bytes, numbers, or truth values, as the Open Inference Protocol names them. */
export type DataType = 'BYTES' | 'FP32' | 'BOOL';

export interface OutputTensor {
  name: string;
  datatype: DataType;
  shape: number[];
  data: readonly (string | number | boolean)[];
}

export interface InferenceRequest {
  id?: string;
  /** Elements of the input tensors by name: a text as it is, bytes where they came as such. */
  inputs: Map<string, (string | Buffer)[]>;
  /** The outputs to answer with, and whether each is to be bytes; all where there are none. */
  outputs: Map<string, boolean>;
  /** Whether outputs are bytes that are not asked for one by one. */
  binaryOutput: boolean;
}

const tensorSchema = z.object({
  name: z.string(),
  datatype: z.literal('BYTES', 'it must be BYTES'),
  shape: z.array(z.int().nonnegative()).min(1).max(2, 'it must be [n] or [n, 1]'),
  parameters: z.looseObject({ binary_data_size: z.int().nonnegative().optional() }).optional(),
  data: z.array(z.union([z.string(), z.array(z.string())])).optional(),
});

export const inferenceRequestSchema = z
  .object({
    id: z.string().optional(),
    parameters: z.looseObject({ binary_data_output: z.boolean().optional() }).optional(),
    inputs: z.array(tensorSchema).min(1),
    outputs: z
      .array(
        z.object({
          name: z.string(),
          parameters: z.looseObject({ binary_data: z.boolean().optional() }).optional(),
        }),
      )
      .optional(),
  })
  .meta({
    id: 'InferenceRequest',
    example: {
      inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['a slice of pizza'] }],
      outputs: [{ name: 'label' }],
    },
  });

/**
 * Reads a request for inference: JSON, or JSON and then the bytes of its tensors (the binary tensor data extension).
 * @param headerLength bytes of the JSON, from Inference-Header-Content-Length; all where absent
 * @throws TandemError `invalid-request`; ZodError naming each bad field
 */
export function decodeRequest(body: Buffer, headerLength?: number): InferenceRequest {
  if (headerLength !== undefined && headerLength > body.length)
    throw invalid(`Inference-Header-Content-Length is ${headerLength}, the body has ${body.length} bytes`);
  const { id, parameters, inputs, outputs } = inferenceRequestSchema.parse(
    parseJson(body.subarray(0, headerLength).toString()),
  );
  let rest = headerLength === undefined ? Buffer.alloc(0) : body.subarray(headerLength);
  const read = new Map<string, (string | Buffer)[]>();
  for (const { name, shape, parameters, data } of inputs) {
    const size = parameters?.binary_data_size;
    if (size !== undefined && size > rest.length)
      throw invalid(`${name} has a binary_data_size of ${size}, ${rest.length} bytes are left`);
    const elements = size === undefined ? (data ?? []).flat() : splitElements(name, rest.subarray(0, size));
    rest = rest.subarray(size ?? 0);
    checkShape(name, shape, elements.length);
    read.set(name, elements);
  }
  return {
    id,
    inputs: read,
    outputs: new Map(outputs?.map((output) => [output.name, output.parameters?.binary_data ?? false])),
    binaryOutput: parameters?.binary_data_output ?? false,
  };
}

/**
 * A response as it is sent.
 * @param isBinary which of the outputs go as bytes after the JSON
 * @returns the bytes, and how many of them are JSON; undefined where all are
 */
export function encodeResponse(
  header: Record<string, unknown>,
  outputs: readonly OutputTensor[],
  isBinary: (name: string) => boolean,
): { body: Buffer; headerLength?: number } {
  const blobs: Buffer[] = [];
  const described = outputs.map(({ name, datatype, shape, data }) => {
    if (!isBinary(name)) return { name, datatype, shape, data };
    const bytes = toBytes(datatype, data);
    blobs.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
  });
  const json = Buffer.from(JSON.stringify({ ...header, outputs: described }));
  if (blobs.length === 0) return { body: json };
  return { body: Buffer.concat([json, ...blobs]), headerLength: json.length };
}

/** @throws TandemError `invalid-request` where a tensor of strings does not have as many elements as its shape says */
export function checkShape(name: string, shape: readonly number[], elements: number): void {
  if (shape.length < 1 || shape.length > 2 || (shape[1] ?? 1) !== 1)
    throw invalid(`${name} has the shape [${shape}]; send [n] or [n, 1]`);
  if (elements !== shape[0]) throw invalid(`${name} has the shape [${shape}], and ${elements} elements`);
}

/** Elements of a BYTES tensor: each has its length before it, in 4 bytes, the lowest first. */
export function splitElements(name: string, bytes: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    const end = at + 4 + length;
    if (end > bytes.length) throw invalid(`${name} breaks off in its element ${elements.length}`);
    elements.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return elements;
}

/** A tensor's elements as the binary tensor data extension, and gRPC, send them. */
export function toBytes(datatype: DataType, data: OutputTensor['data']): Buffer {
  if (datatype === 'BOOL') return Buffer.from(data.map(Number));
  if (datatype === 'FP32') {
    const bytes = Buffer.alloc(4 * data.length);
    for (const [index, value] of data.entries()) bytes.writeFloatLE(Number(value), 4 * index);
    return bytes;
  }
  return Buffer.concat(
    data.flatMap((element) => {
      const bytes = Buffer.from(String(element));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the body is not JSON: ${(error as Error).message}`);
  }
}

function invalid(detail: string): TandemError {
  return new TandemError('invalid-request', detail);
}
