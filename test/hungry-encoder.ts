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

/** More float32 than an address space has bytes: no machine can give them, and every allocator says so at once. */
const tooMany = 2n ** 45n;

/**
 * A text encoder whose feature is the sum of a text's ids, and which finds no memory for more than so many rows:
 * ONNX Runtime really asks for it, and really fails.
 */
function hungryModel(mostRows: number): Uint8Array {
  const keepAxis = { name: 'keepdims', type: AttributeType.INT, i: 1n };
  const node = (
    opType: string,
    input: string[],
    output: string,
    attribute: MessageInitShape<typeof NodeProtoSchema>['attribute'] = [],
  ) => ({ opType, input, output: [output], name: output, attribute });
  const constant = (name: string, value: bigint): MessageInitShape<typeof TensorProtoSchema> => ({
    name,
    dataType: DataType.INT64,
    dims: [1n],
    int64Data: [value],
  });
  const matrix = (name: string, elemType: DataType, columns: string) => {
    const dim = ['rows', columns].map((value) => ({ value: { case: 'dimParam', value } as const }));
    return {
      name,
      type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
    } satisfies MessageInitShape<typeof ValueInfoProtoSchema>;
  };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 9n,
      opsetImport: [{ version: 20n }],
      graph: {
        name: 'hungry',
        node: [
          node('Mul', ['input_ids', 'attention_mask'], 'known'),
          node('ReduceSum', ['known', 'one'], 'sum', [keepAxis]),
          node('Cast', ['sum'], 'feature', [
            { name: 'to', type: AttributeType.INT, i: BigInt(DataType.FLOAT) },
          ]),
          node('Shape', ['input_ids'], 'shape'),
          node('Gather', ['shape', 'zero'], 'rows'),
          node('Greater', ['rows', 'most'], 'is_too_large'),
          node('Where', ['is_too_large', 'too_many', 'one'], 'count'),
          node('ConstantOfShape', ['count'], 'zeros'),
          node('ReduceSum', ['zeros'], 'nothing', [{ ...keepAxis, i: 0n }]),
          node('Add', ['feature', 'nothing'], 'features'),
        ],
        initializer: [
          constant('zero', 0n),
          constant('one', 1n),
          constant('most', BigInt(mostRows)),
          constant('too_many', tooMany),
        ],
        input: [
          matrix('input_ids', DataType.INT64, 'tokens'),
          matrix('attention_mask', DataType.INT64, 'tokens'),
        ],
        output: [matrix('features', DataType.FLOAT, 'dimension')],
      },
    }),
  );
}

/** Writes an encoder's folder with that model and the usual tokenizer. */
export function writeHungryEncoder(folder: string, mostRows: number): Promise<void> {
  return writeTextEncoder(folder, 'hungry', hungryModel(mostRows));
}

/** Writes a text encoder's folder with a model of one feature and the usual tokenizer. */
export async function writeTextEncoder(folder: string, id: string, model: Uint8Array): Promise<void> {
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
