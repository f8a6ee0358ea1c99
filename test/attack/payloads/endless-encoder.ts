import { TensorProto_DataType as DataType } from '../../../src/graph/onnx/onnx_pb.js';
import { constant, integer, node, writeSumEncoder } from '../../sum-encoder.ts';
import { endlessLoop } from './heads.ts';

/** Writes a text encoder that answers short texts, and never ends on one of more than so many tokens. */
export function writeEndlessEncoder(folder: string, mostTokens: number): Promise<void> {
  return writeSumEncoder(folder, 'endless', {
    nodes: [
      node('Shape', ['input_ids'], 'shape', [integer('start', 1)]),
      node('Squeeze', ['shape'], 'tokens'),
      node('Greater', ['tokens', 'most'], 'is_long'),
      endlessLoop('is_long', 'zero', 'addend'),
    ],
    constants: [
      constant('most', mostTokens, []),
      { name: 'zero', dataType: DataType.FLOAT, dims: [], floatData: [0] },
    ],
  });
}
