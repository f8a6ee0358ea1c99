import type { NodeProto } from '../onnx/onnx_pb.js';
import type { Shape } from '../value.ts';

/** A node whose inputs have known shapes. */
export interface Call {
  node: NodeProto;
  inputs: readonly Shape[];
  /** The shape of an input that the operator requires. */
  shapeOf(input: number): Shape;
  /** The numbers of an input that is an int64 constant. */
  integersOf(input: number): readonly number[];
}

/** The shapes that an operator returns, and the multiplications that it takes. */
export type ShapeRule = (call: Call) => { shape: Shape; more?: readonly Shape[]; multiplications?: number };

/** By ONNX's name: how many inputs it may have, and its rule. */
export type ShapeRules = Readonly<Record<string, { inputs: readonly number[]; rule: ShapeRule }>>;

/** An integer attribute. */
export function integerOf(node: NodeProto, name: string): bigint | undefined {
  return node.attribute.find((attribute) => attribute.name === name)?.i;
}

/** A list of integers. */
export function integersOf(node: NodeProto, name: string): readonly number[] | undefined {
  return node.attribute.find((attribute) => attribute.name === name)?.ints.map(Number);
}
