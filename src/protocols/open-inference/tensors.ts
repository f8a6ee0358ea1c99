import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { boundedList } from '../http/bounded-list.ts';

/** Strings of bytes, numbers, or truth values, as the Open Inference Protocol names them. */
export type DataType = 'BYTES' | 'FP32' | 'BOOL';

export interface OutputTensor {
  name: string;
  datatype: DataType;
  shape: number[];
  data: readonly (string | number | boolean)[];
}

/** What an input tensor holds: a text as it is, bytes where they came as such; numbers in rows of `width`. */
export type InputTensor =
  | { datatype: 'BYTES'; items: number; elements: (string | Buffer)[] }
  | { datatype: 'FP32'; items: number; width: number; values: Float32Array };

export interface InferenceRequest {
  id?: string;
  /** The input tensors by name. */
  inputs: Map<string, InputTensor>;
  /** The outputs to answer with, and whether each is to be bytes; all where there are none. */
  outputs: Map<string, boolean>;
  /** Whether outputs are bytes that are not asked for one by one. */
  binaryOutput: boolean;
}

/** Most input tensors of a request, and most outputs that it may ask for; a head has fewer of either. */
export const mostTensors = 16;
/** Most elements of a BYTES tensor; a request may have far fewer items. */
const mostElements = 10_000;
/** Most numbers of a request's features together: 64 items of 4096. */
export const mostNumbers = 64 * 4096;
/** Most characters of a request's id, which comes back with the answer. */
export const longestId = 256;

/** An element of a tensor's data in JSON. */
const element = { type: ['string', 'number'] } as const;

const tensorSchema = z.object({
  name: z.string(),
  datatype: z.enum(['BYTES', 'FP32'], 'it must be BYTES, or FP32 for features'),
  shape: boundedList(z.int().nonnegative(), {
    least: 1,
    most: 2,
    tooMany: 'it must be [n] or [n, 1]; [n, width] for features',
  }),
  parameters: z.looseObject({ binary_data_size: z.int().nonnegative().optional() }).optional(),
  // Tens of thousands of numbers: they are looked at where they are read, once.
  data: z
    .array(z.unknown())
    .meta({ override: { type: 'array', items: { anyOf: [element, { type: 'array', items: element }] } } })
    .optional(),
});

export const inferenceRequestSchema = z
  .object({
    id: z.string().max(longestId).optional(),
    parameters: z.looseObject({ binary_data_output: z.boolean().optional() }).optional(),
    inputs: boundedList(tensorSchema, { least: 1, most: mostTensors }),
    outputs: boundedList(
      z.object({
        name: z.string(),
        parameters: z.looseObject({ binary_data: z.boolean().optional() }).optional(),
      }),
      { most: mostTensors },
    ).optional(),
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
  const read = new Map<string, InputTensor>();
  for (const { name, datatype, shape, parameters, data } of inputs) {
    const size = parameters?.binary_data_size;
    if (size !== undefined && size > rest.length)
      throw invalid(`${name} has a binary_data_size of ${size}, ${rest.length} bytes are left`);
    if (size !== undefined && data !== undefined)
      throw invalid(`${name} has both data and a binary_data_size; send one of them`);
    const content = size === undefined ? (data ?? []).flat() : rest.subarray(0, size);
    rest = rest.subarray(size ?? 0);
    addTensor(read, name, readTensor({ name, datatype, shape }, content));
  }
  if (rest.length > 0)
    throw invalid(`${rest.length} bytes are left behind those that the tensors’ binary_data_size declare`);
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

/**
 * An input tensor from what came of it: its bytes, or its elements one by one.
 * @throws TandemError `invalid-request` that names the tensor, where its type, shape and content do not agree
 * @example readTensor({ name: 'text', datatype: 'BYTES', shape: [1] }, ['a red bike'])
 */
export function readTensor(
  { name, datatype, shape }: { name: string; datatype: string; shape: readonly number[] },
  content: Buffer | readonly unknown[],
): InputTensor {
  if (datatype !== 'BYTES' && datatype !== 'FP32')
    throw invalid(`${name} is ${datatype}; send BYTES, or FP32 for features`);
  const [items = 0, width = 1] = shape;
  const mayBe = datatype === 'BYTES' ? '[n] or [n, 1]' : '[n, width]';
  if (shape.length < 1 || shape.length > 2 || (datatype === 'BYTES' ? width !== 1 : shape.length !== 2))
    throw invalid(`${name} has the shape [${shape}]; send ${mayBe}`);
  const check = (count: number) => {
    if (count !== items * width) throw invalid(`${name} has the shape [${shape}], and ${count} elements`);
  };
  if (datatype === 'BYTES') {
    const elements = Buffer.isBuffer(content) ? splitElements(name, content) : stringsOf(name, content);
    check(elements.length);
    return { datatype, items, elements };
  }
  if (items * width > mostNumbers)
    throw invalid(`${name} has the shape [${shape}], and ${mostNumbers} numbers are the limit`);
  check(content.length / (Buffer.isBuffer(content) ? Float32Array.BYTES_PER_ELEMENT : 1));
  return { datatype, items, width, values: floatsOf(name, content) };
}

/**
 * Adds an input to those that are read.
 * @throws TandemError `invalid-request` where one of its name is there: neither could be told to be meant
 */
export function addTensor(read: Map<string, InputTensor>, name: string, tensor: InputTensor): void {
  if (read.has(name)) throw invalid(`${name} is there twice; send each input once`);
  read.set(name, tensor);
}

function stringsOf(name: string, elements: readonly unknown[]): (string | Buffer)[] {
  const wrong = elements.findIndex((element) => typeof element !== 'string' && !Buffer.isBuffer(element));
  if (wrong >= 0) throw invalid(`${name} has an element ${wrong} that is no string`);
  return [...(elements as (string | Buffer)[])];
}

/** Little-endian, as the binary tensor data extension and gRPC have them. */
function floatsOf(name: string, content: Buffer | readonly unknown[]): Float32Array {
  if (Buffer.isBuffer(content))
    return Float32Array.from({ length: content.length / 4 }, (_, index) => content.readFloatLE(4 * index));
  const wrong = content.findIndex((element) => typeof element !== 'number');
  if (wrong >= 0) throw invalid(`${name} has an element ${wrong} that is no number`);
  return Float32Array.from(content as readonly number[]);
}

/** Elements of a BYTES tensor: each has its length before it, in 4 bytes, the lowest first. */
function splitElements(name: string, bytes: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    const end = at + 4 + length;
    if (end > bytes.length) throw invalid(`${name} breaks off in its element ${elements.length}`);
    if (elements.length === mostElements) throw invalid(`${name} has more than ${mostElements} elements`);
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
