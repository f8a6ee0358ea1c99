import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from '../src/graph/onnx/onnx_pb.js';

type Node = MessageInitShape<typeof NodeProtoSchema>;
type Constant = MessageInitShape<typeof TensorProtoSchema>;

/** What an encoder does beside adding up: its last node writes `addend`, which is added to the feature. */
export interface Addend {
  /** They may read `input_ids`, [rows, tokens], and the constant `one`, [1]. */
  nodes: readonly Node[];
  constants: readonly Constant[];
}

/** @example node('Shape', ['input_ids'], 'shape', [integer('start', 1)]) */
export function node(
  opType: string,
  input: string[],
  output: string,
  attribute: Node['attribute'] = [],
): Node {
  return { opType, input, output: [output], name: output, attribute };
}

/** An attribute of a node. */
export const integer = (name: string, value: number) => ({ name, type: AttributeType.INT, i: BigInt(value) });

/** int64; a vector of one number, or a scalar. */
export function constant(name: string, value: bigint | number, dims: bigint[] = [1n]): Constant {
  return { name, dataType: DataType.INT64, dims, int64Data: [BigInt(value)] };
}

function matrix(
  name: string,
  elemType: DataType,
  columns: string,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = ['rows', columns].map((value) => ({ value: { case: 'dimParam', value } as const }));
  return { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } };
}

/**
 * Writes the folder of a text encoder whose one feature is the sum of a text's ids, with the tokenizer of the one that
 * ships with the program.
 * @param addend misbehaves where it is meant to, and is 0 elsewhere
 */
export function writeSumEncoder(folder: string, id: string, { nodes, constants }: Addend): Promise<void> {
  const model = create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [{ version: 20n }],
    graph: {
      name: id,
      node: [
        node('Mul', ['input_ids', 'attention_mask'], 'known'),
        node('ReduceSum', ['known', 'one'], 'sum', [integer('keepdims', 1)]),
        node('Cast', ['sum'], 'feature', [integer('to', DataType.FLOAT)]),
        ...nodes,
        node('Add', ['feature', 'addend'], 'features'),
      ],
      initializer: [constant('one', 1), ...constants],
      input: [
        matrix('input_ids', DataType.INT64, 'tokens'),
        matrix('attention_mask', DataType.INT64, 'tokens'),
      ],
      output: [matrix('features', DataType.FLOAT, 'dimension')],
    },
  });
  return writeTextEncoder(folder, id, toBinary(ModelProtoSchema, model));
}

/** Writes a text encoder's folder with a model of one feature and the usual tokenizer. */
async function writeTextEncoder(folder: string, id: string, model: Uint8Array): Promise<void> {
  const usual = fileURLToPath(new URL('../models/all-MiniLM-L6-v2', import.meta.url));
  const manifest = JSON.parse(await readFile(path.join(usual, 'encoder.json'), 'utf8'));
  await mkdir(folder, { recursive: true });
  for (const name of Object.keys(manifest.files).filter((name) => !name.endsWith('.onnx')))
    await cp(path.join(usual, name), path.join(folder, name));
  await writeFile(path.join(folder, 'model.onnx'), model);
  delete manifest.files[manifest.weights];
  manifest.files['model.onnx'] = createHash('sha256').update(model).digest('hex');
  await writeFile(
    path.join(folder, 'encoder.json'),
    JSON.stringify({ ...manifest, id, dimension: 1, weights: 'model.onnx' }),
  );
}
