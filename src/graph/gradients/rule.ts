import { given, integersIn } from '../attributes.ts';
import { reshape } from '../operations/layout.ts';
import { positiveAxis, reducedShape } from '../shape.ts';
import type { Node, Value } from '../value.ts';

/**
 * How a gradient flows back through an operator: from the gradients of a node's outputs (undefined where nothing reached
 * one) to those of its inputs (undefined where none passes). It may build more than is needed: what no output of the
 * emitted model rests on is never written. It reads nothing but its node.
 */
export type GradientRule = (
  node: Node,
  upstream: readonly (Value | undefined)[],
) => readonly (Value | undefined)[];

/** Rules by ONNX's name of the operator; those of another domain than ONNX's own begin with it. */
export type GradientRules = Readonly<Record<string, GradientRule>>;

/** Of an operator whose first input alone is differentiated. */
export function unary(rule: (dy: Value, x: Value, y: Value, node: Node) => Value): GradientRule {
  return (node, [dy]) => [rule(given(dy), given(node.inputs[0]), given(node.outputs[0]), node)];
}

/** Of an operator with two inputs. */
export function binary(rule: (dy: Value, a: Value, b: Value, y: Value) => [Value, Value]): GradientRule {
  return ({ inputs, outputs }, [dy]) =>
    rule(given(dy), given(inputs[0]), given(inputs[1]), given(outputs[0]));
}

/** Of an operator whose second input says where elements come from, which nothing learns through. */
export function indexed(rule: (dy: Value, x: Value, indices: Value, node: Node) => Value): GradientRule {
  return (node, [dy]) => [rule(given(dy), given(node.inputs[0]), given(node.inputs[1]), node)];
}

/** Of a reduction: the rule gets the gradient and the result with the reduced axes, of size 1, back in their places. */
export function reduction(
  rule: (dy: Value, x: Value, y: Value, axes: readonly number[]) => Value,
): GradientRule {
  return unary((dy, x, y, node) => {
    const axes = integersIn(node.inputs[1])?.map((axis) => positiveAxis(axis, x.shape)) ?? [
      ...x.shape.keys(),
    ];
    const kept = reducedShape(x.shape, axes, true);
    return rule(reshape(dy, kept), x, reshape(y, kept), axes);
  });
}

/** Steps and indices: their gradient is zero wherever there is one, so none passes. */
export const blocked: GradientRule = () => [];
