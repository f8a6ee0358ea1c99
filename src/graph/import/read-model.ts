import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  TensorProto_DataLocation as Location,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
} from '../onnx/onnx_pb.js';
import type { Constant } from '../value.ts';
import { elementTypeOf } from './element-types.ts';

/**
 * Reads an ONNX file, and the weights that lie in files beside it.
 * @throws Error where it is none, or a file is missing or too short
 * @example const model = await readModel('models/all-MiniLM-L6-v2/onnx/model_fp16.onnx');
 */
export async function readModel(file: string): Promise<ModelProto> {
  const model = fromBinary(ModelProtoSchema, await readFile(file));
  const files = new Map<string, Promise<Uint8Array>>();
  for (const tensor of model.graph?.initializer ?? []) {
    if (tensor.dataLocation !== Location.EXTERNAL) continue;
    const {
      location = '',
      offset = '0',
      length,
    } = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]));
    const beside = path.join(path.dirname(file), location);
    const reading = files.get(beside) ?? readFile(beside);
    files.set(beside, reading);
    const bytes = await reading;
    const end = length === undefined ? bytes.length : Number(offset) + Number(length);
    if (end > bytes.length) throw new Error(`${beside} ends before the weights ${tensor.name} do`);
    tensor.rawData = bytes.subarray(Number(offset), end);
    tensor.dataLocation = Location.DEFAULT;
    tensor.externalData = [];
  }
  return model;
}

/** The elements of a weight, as the graph computes with them: half and double precision become single. */
export function constantOf(tensor: TensorProto): Constant {
  const shape = tensor.dims.map(Number);
  const type = elementTypeOf(tensor.dataType);
  return { kind: 'constant', type, shape, data: elementsOf(tensor) };
}

function elementsOf(tensor: TensorProto): Constant['data'] {
  const { dataType, rawData, floatData, int32Data, int64Data, doubleData } = tensor;
  const isRaw = rawData.length > 0;
  // A copy begins where every element type may begin.
  const bytes = new Uint8Array(rawData).buffer;
  switch (dataType) {
    case DataType.FLOAT:
      return isRaw ? new Float32Array(bytes) : Float32Array.from(floatData);
    case DataType.FLOAT16:
      return Float32Array.from(new Float16Array(isRaw ? bytes : Uint16Array.from(int32Data).buffer));
    case DataType.DOUBLE:
      return Float32Array.from(isRaw ? new Float64Array(bytes) : doubleData);
    case DataType.INT64:
      return isRaw ? new BigInt64Array(bytes) : BigInt64Array.from(int64Data);
    case DataType.INT32:
      return isRaw ? new Int32Array(bytes) : Int32Array.from(int32Data);
    case DataType.UINT8:
    case DataType.BOOL:
      return isRaw ? new Uint8Array(bytes) : Uint8Array.from(int32Data);
    default:
      throw new Error(`weights of the type ${DataType[dataType]} are not supported`);
  }
}
