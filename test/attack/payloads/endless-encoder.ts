import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, NodeProtoSchema } from '../../../src/graph/onnx/onnx_pb.js';
import { writeTextEncoder } from '../../hungry-encoder.ts';
import { endlessLoop } from './heads.ts';

const [float32, int64, integer] = [1, 7, 2];

/** Writes a text encoder that answers short texts, and never ends on one of more than so many tokens. */
export function writeEndlessEncoder(folder: string, mostTokens: number): Promise<void> {
  const node = (opType: string, input: string[], output: string, attribute: object[] = []) =>
    create(NodeProtoSchema, { opType, input, output: [output], name: output, attribute });
  const matrix = (name: string, elemType: number, columns: string) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType,
          shape: { dim: ['rows', columns].map((value) => ({ value: { case: 'dimParam' as const, value } })) },
        },
      },
    },
  });
  const constant = (name: string, dataType: number, bytes: ArrayBufferLike, dims: bigint[]) => ({
    name,
    dataType,
    dims,
    rawData: new Uint8Array(bytes),
  });
  const model = create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [{ version: 20n }],
    graph: {
      name: 'endless',
      node: [
        node('Mul', ['input_ids', 'attention_mask'], 'known'),
        node('ReduceSum', ['known', 'one'], 'sum', [{ name: 'keepdims', type: integer, i: 1n }]),
        node('Cast', ['sum'], 'feature', [{ name: 'to', type: integer, i: BigInt(float32) }]),
        node('Shape', ['input_ids'], 'shape', [{ name: 'start', type: integer, i: 1n }]),
        node('Squeeze', ['shape'], 'tokens'),
        node('Greater', ['tokens', 'most'], 'is_long'),
        endlessLoop('is_long', 'zero', 'end'),
        node('Add', ['feature', 'end'], 'features'),
      ],
      initializer: [
        constant('one', int64, BigInt64Array.of(1n).buffer, [1n]),
        constant('most', int64, BigInt64Array.of(BigInt(mostTokens)).buffer, []),
        constant('zero', float32, Float32Array.of(0).buffer, []),
      ],
      input: [matrix('input_ids', int64, 'tokens'), matrix('attention_mask', int64, 'tokens')],
      output: [matrix('features', float32, 'dimension')],
    },
  });
  return writeTextEncoder(folder, 'endless', toBinary(ModelProtoSchema, model));
}
