import { itemAt } from '../../indexing.ts';
import { AttributeProto_AttributeType as AttributeType, type NodeProto } from '../onnx/onnx_pb.js';
import {
  type Attribute,
  applyMany,
  type ElementType,
  type Result,
  type Shape,
  type Value,
} from '../value.ts';

/** A node of a model that is rebuilt in the graph: its inputs as values, and what its outputs are. */
export interface Call {
  readonly node: NodeProto;
  /** Undefined where an optional input is omitted. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly { type: ElementType; shape: Shape }[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Of ONNX's own operators, as the model uses them. */
  readonly operatorSet: number;
}

/** The values of a node's outputs. */
export type Rebuild = (call: Call) => readonly Value[];

/** The input, which the operator requires. @throws Error where it is omitted */
export function inputOf({ inputs, node }: Call, index: number): Value {
  const value = inputs[index];
  if (!value) throw new Error(`it has no input ${index}: ${node.input.join(', ')}`);
  return value;
}

/** The shape of its first output. */
export function shapeOf({ outputs }: Call): Shape {
  return itemAt(outputs, 0).shape;
}

/** A float attribute. */
export function floatOf({ attributes }: Pick<Call, 'attributes'>, name: string, byDefault: number): number {
  const value = attributes[name];
  return typeof value === 'object' && 'float' in value ? value.float : byDefault;
}

/** An integer attribute. */
export function integerOf({ attributes }: Pick<Call, 'attributes'>, name: string, byDefault: number): number {
  const value = attributes[name];
  return typeof value === 'number' ? value : byDefault;
}

/** A list of integers; undefined where the attribute is omitted. */
export function integersOf({ attributes }: Call, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return Array.isArray(value) ? value : undefined;
}

/**
 * The same node in the graph.
 * @param inputs none of which is omitted in front of one that is not
 */
export function sameNode(
  { node, outputs, attributes }: Call,
  inputs: readonly Value[],
  others: { attributes?: Readonly<Record<string, Attribute>>; operator?: string; domain?: string } = {},
): Result[] {
  return applyMany(others.operator ?? node.opType, inputs, {
    domain: others.domain ?? node.domain,
    outputs,
    attributes: others.attributes ?? attributes,
    name: node.name,
  });
}

/** The attributes of a node, but for tensors and subgraphs. @throws Error where it has one of another kind */
export function attributesOf(node: NodeProto): Record<string, Attribute> {
  const read = (attribute: NodeProto['attribute'][number]): Attribute => {
    switch (attribute.type) {
      case AttributeType.FLOAT:
        return { float: attribute.f };
      case AttributeType.INT:
        return Number(attribute.i);
      case AttributeType.STRING:
        return new TextDecoder().decode(attribute.s);
      case AttributeType.INTS:
        return attribute.ints.map(Number);
      default:
        throw new Error(`its attribute ${attribute.name} is not supported`);
    }
  };
  return Object.fromEntries(node.attribute.map((attribute) => [attribute.name, read(attribute)]));
}
