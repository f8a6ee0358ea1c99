import { readFile } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../graph/onnx/onnx_pb.js';

/**
 * Whether a model convolves; see `LoadOptions.sessionPerShape`.
 * @param file of the model, ONNX
 * @throws Error where it is none
 */
export async function hasConvolutions(file: string): Promise<boolean> {
  const { graph } = fromBinary(ModelProtoSchema, await readFile(file));
  return graph?.node.some(({ opType }) => opType.includes('Conv')) ?? false;
}
