import { itemAt } from '../indexing.ts';
import { gradientsOfInputs } from './gradients.ts';
import { add } from './operations/elementwise.ts';
import { constant, type Node, type Value } from './value.ts';

/** The nodes that the values rest on, each after all that it needs. */
export function sortedNodes(values: readonly Value[]): Node[] {
  const sorted = new Set<Node>();
  const open = new Set<Node>();
  const stack = values.flatMap((value) => (value.kind === 'result' ? [value.node] : [])).reverse();
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    if (sorted.has(node) || open.has(node)) {
      stack.pop();
      sorted.add(node);
      continue;
    }
    open.add(node);
    for (const value of node.inputs)
      if (value.kind === 'result' && !sorted.has(value.node)) stack.push(value.node);
  }
  return [...sorted];
}

/**
 * Reverse-mode differentiation: the gradients of a scalar `loss` with respect to `parameters`, as values of the same
 * graph. `gradients.ts` has the rule of every operator.
 * @throws Error that names a parameter that no gradient reaches, or an operator without a rule
 * @example const [dw] = differentiate(loss, [w]);
 */
export function differentiate(loss: Value, parameters: readonly Value[]): Value[] {
  const nodes = sortedNodes([loss]);
  const learns = new Set<Value>(parameters);
  for (const node of nodes)
    if (node.inputs.some((value) => learns.has(value))) for (const output of node.outputs) learns.add(output);

  const gradients = new Map<Value, Value>([[loss, constant(1)]]);
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((output) => gradients.has(output) && learns.has(output))) continue;
    const received = node.outputs.map((output) => gradients.get(output));
    gradientsOfInputs(node, received).forEach((gradient, index) => {
      if (!gradient) return;
      const target = itemAt(node.inputs, index);
      if (!learns.has(target)) return;
      const known = gradients.get(target);
      gradients.set(target, known ? add(known, gradient) : gradient);
    });
  }
  return parameters.map((parameter) => {
    const gradient = gradients.get(parameter);
    if (!gradient)
      throw new Error(`no gradient reaches ${parameter.kind === 'input' ? parameter.name : parameter.kind}`);
    return gradient;
  });
}
