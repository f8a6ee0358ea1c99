import { given, operatorName } from './attributes.ts';
import { convolutionRules } from './gradients/convolution.ts';
import { elementwiseRules } from './gradients/elementwise.ts';
import { layoutRules } from './gradients/layout.ts';
import { linearRules } from './gradients/linear.ts';
import { normalizationRules } from './gradients/normalization.ts';
import type { GradientRules } from './gradients/rule.ts';
import type { Node, Value } from './value.ts';

/**
 * The gradient rule of every operator, as tinygrad's gradient.py has them: one table keyed by ONNX's name, so that a node
 * read from a model has a gradient as well as one that was built here.
 */
const rules: GradientRules = {
  ...elementwiseRules,
  ...layoutRules,
  ...linearRules,
  ...normalizationRules,
  ...convolutionRules,
};

/** Names of the operators that have a rule; those of another domain than ONNX's own begin with it. */
export const differentiableOperators: readonly string[] = Object.keys(rules);

/**
 * The gradients of a node's inputs, from those of its outputs.
 * @param upstream by output; undefined where no gradient reached one
 * @returns by input; undefined where none passes
 * @throws Error that names an operator without a rule, or an attribute that the rule doesn't cover
 */
export function gradientsOfInputs(
  node: Node,
  upstream: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  if (node.gradient) return node.gradient(given(upstream[0]));
  const name = operatorName(node);
  const rule = rules[name];
  if (!rule) {
    const where = node.name === undefined ? '' : ` (the node ${node.name})`;
    throw new Error(`no gradient rule for the operator ${name}${where}: add one to src/graph/gradients/`);
  }
  return rule(node, upstream);
}
