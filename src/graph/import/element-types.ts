import { itemAt } from '../../indexing.ts';
import { TensorProto_DataType as DataType, type NodeProto } from '../onnx/onnx_pb.js';
import { type ElementType, elementTypeCodes } from '../value.ts';

/** Element types of the graph, by ONNX's number. Half and double precision are computed in single precision. */
const elementTypes = new Map<number, ElementType>([
  ...Object.entries(elementTypeCodes).map(([name, code]) => [code, name as ElementType] as const),
  [DataType.FLOAT16, 'float32'],
  [DataType.BFLOAT16, 'float32'],
  [DataType.DOUBLE, 'float32'],
]);

/** @throws Error where the graph has no such type */
export function elementTypeOf(code: number): ElementType {
  const type = elementTypes.get(code);
  if (!type) throw new Error(`values of the type ${DataType[code] ?? code} are not supported`);
  return type;
}

/** Whether the graph has the type under another name, so that a cast between the two is none. */
export function isWidened(code: number): boolean {
  return elementTypes.get(code) === 'float32' && code !== DataType.FLOAT;
}

const integers = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero']);
const logical = new Set([
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
  ...['Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf'],
]);
/** Where the input that has the type of the outputs is not the first. */
const typedBy: Readonly<Record<string, number>> = { Where: 1, EmbedLayerNormalization: 2 };

/**
 * ONNX's number of the type that a node's outputs have.
 * @param inputs the types of its inputs; undefined where one is omitted
 */
export function outputType(node: NodeProto, inputs: readonly (number | undefined)[]): number {
  const { opType } = node;
  if (integers.has(opType)) return DataType.INT64;
  if (logical.has(opType)) return DataType.BOOL;
  const attribute = (name: string) => node.attribute.find((one) => one.name === name);
  if (opType === 'Cast') return Number(attribute('to')?.i ?? DataType.FLOAT);
  if (opType === 'ConstantOfShape') return attribute('value')?.t?.dataType ?? DataType.FLOAT;
  if (opType === 'Constant') {
    const [value] = node.attribute;
    return value?.t?.dataType ?? (value?.name.startsWith('value_int') ? DataType.INT64 : DataType.FLOAT);
  }
  return itemAt(
    inputs.map((type) => type ?? DataType.UNDEFINED),
    typedBy[opType] ?? 0,
  );
}
