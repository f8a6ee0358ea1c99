import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from '../src/graph/onnx/onnx_pb.js';
import { constant, integer, node } from './sum-encoder.ts';

const usual = fileURLToPath(new URL('../models/all-MiniLM-L6-v2', import.meta.url));
const vocabulary = 30_522;
const width = 4;

/** The hidden states of a text: what the tiny model's table has in the rows of its ids, and their number in every place. */
export function tinyStates(ids: readonly number[]): number[][] {
  return ids.map((id) =>
    Array.from({ length: width }, (_, column) => Math.sin(id * (column + 1) + column) + ids.length),
  );
}

export interface TinyModel {
  /** Of the folder, beside what it has by default; `undefined` leaves a file out. */
  files?: Record<string, string | Uint8Array | undefined>;
  config?: Record<string, unknown>;
  /** Nodes that make `last_hidden_state` of the token's states, `states`. */
  nodes?: MessageInitShape<typeof NodeProtoSchema>[];
  initializers?: MessageInitShape<typeof TensorProtoSchema>[];
}

/**
 * Writes a text model's folder as the hub has it: BERT's tokenizer and inputs, and a table of hidden states in place of its
 * layers.
 */
export async function writeTinyTextModel(folder: string, model: TinyModel = {}): Promise<void> {
  await mkdir(path.join(folder, 'onnx'), { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    if (!(name in (model.files ?? {}))) await cp(path.join(usual, name), path.join(folder, name));
  const config = { model_type: 'bert', hidden_size: width, max_position_embeddings: 64, ...model.config };
  const files: TinyModel['files'] = {
    'config.json': JSON.stringify(config),
    'onnx/model.onnx': tinyGraph(model),
    ...model.files,
  };
  for (const [name, content] of Object.entries(files)) {
    if (content === undefined) continue;
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
}

/** The rows of token ids that the usual tokenizer makes of texts. */
export async function tinyTokenizer() {
  const { loadTokenizer } = await import('../src/modalities/text/tokenizer.ts');
  return loadTokenizer(usual, 64);
}

export async function usualFile(name: string): Promise<string> {
  return readFile(path.join(usual, name), 'utf8');
}

/** @returns the bytes of an ONNX file */
export function tinyGraph({ nodes, initializers = [] }: TinyModel = {}): Uint8Array {
  const table = Float32Array.from({ length: vocabulary * width }, (_, index) =>
    Math.sin(Math.floor(index / width) * ((index % width) + 1) + (index % width)),
  );
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ version: 14n }],
    graph: {
      name: 'tiny',
      node: [
        node('Gather', ['words', 'input_ids'], 'word_states'),
        node('Gather', ['types', 'token_type_ids'], 'type_states'),
        node('Add', ['word_states', 'type_states'], 'own_states'),
        node('ReduceSum', ['attention_mask', 'one'], 'count', [integer('keepdims', 1)]),
        node('Unsqueeze', ['count', 'one'], 'counts'),
        node('Cast', ['counts'], 'context', [integer('to', DataType.FLOAT)]),
        node('Add', ['own_states', 'context'], 'states'),
        ...(nodes ?? [node('Identity', ['states'], 'last_hidden_state')]),
      ],
      initializer: [
        floats('words', [vocabulary, width], table),
        floats('types', [2, width], new Float32Array([0, 0, 0, 0, 9, 9, 9, 9])),
        constant('one', 1),
        ...initializers,
      ],
      input: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => value(name, DataType.INT64, 2)),
      output: [value('last_hidden_state', DataType.FLOAT, 3)],
    },
  });
  return toBinary(ModelProtoSchema, model);
}

function floats(
  name: string,
  dims: number[],
  data: Float32Array,
): MessageInitShape<typeof TensorProtoSchema> {
  return { name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData: new Uint8Array(data.buffer) };
}

function value(
  name: string,
  elemType: DataType,
  axes: number,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = Array.from({ length: axes }, (_, axis) => ({
    value: { case: 'dimParam', value: `axis_${axis}` } as const,
  }));
  return { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } };
}
