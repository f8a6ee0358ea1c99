import { itemAt } from '../indexing.ts';
import type { GraphProto, NodeProto, TensorProto } from './onnx/onnx_pb.js';
import { broadcast, elementCount, positiveAxis, reducedShape, sameShape, withAxis } from './shape.ts';
import { convolutionRules } from './shapes/convolution.ts';
import { layoutRules } from './shapes/layout.ts';
import { integerOf, type ShapeRule, type ShapeRules } from './shapes/rule.ts';
import type { Shape } from './value.ts';

/** What one run of a graph takes. */
export interface GraphCost {
  /** The shape of every value. */
  shapes: ReadonlyMap<string, Shape>;
  /** Elements of the largest value that is computed, and of all together. */
  largest: number;
  elements: number;
  /** Multiplications of all matrix products. */
  multiplications: number;
}

/**
 * The shape of every value of a graph without subgraphs, for inputs of known shapes.
 * @param inputs the shapes of the inputs, by name
 * @throws Error naming the node that has no rule, whose inputs do not fit, or that reads what is not there
 * @example inferShapes(graph, new Map([['image', [8, 1280]]])).shapes.get('fused') // [8, 5]
 */
export function inferShapes(graph: GraphProto, inputs: ReadonlyMap<string, Shape>): GraphCost {
  const shapes = new Map(inputs);
  const constants = new Map<string, TensorProto>();
  const define = (name: string, shape: Shape) => {
    if (name === '' || shapes.has(name)) throw new Error(`the name ${JSON.stringify(name)} is given twice`);
    shapes.set(name, shape);
  };
  for (const tensor of graph.initializer) {
    define(tensor.name, tensor.dims.map(Number));
    constants.set(tensor.name, tensor);
  }
  let [largest, elements, multiplications] = [0, 0, 0];
  for (const [index, node] of graph.node.entries()) {
    try {
      const { shape, more = [], multiplications: own = 0 } = apply(node, shapes, constants);
      const results = [shape, ...more];
      if (node.output.length < 1 || node.output.length > results.length)
        throw new Error(`it has ${node.output.length} outputs`);
      multiplications += own;
      for (const [output, name] of node.output.entries()) {
        const result = itemAt(results, output);
        const size = elementCount(result);
        largest = Math.max(largest, size);
        elements += size;
        define(name, result);
      }
    } catch (error) {
      throw new Error(`node ${index} (${node.opType}): ${(error as Error).message}`, { cause: error });
    }
  }
  return { shapes, largest, elements, multiplications };
}

function apply(
  node: NodeProto,
  shapes: ReadonlyMap<string, Shape>,
  constants: ReadonlyMap<string, TensorProto>,
): ReturnType<ShapeRule> {
  const known = rules.get(node.opType);
  if (!known) throw new Error('its shape is not known');
  const { inputs: counts, rule } = known;
  if (!counts.includes(node.input.length)) throw new Error(`it has ${node.input.length} inputs`);
  const inputs = node.input.map((name) => {
    const shape = shapes.get(name);
    if (!shape) throw new Error(`it reads ${JSON.stringify(name)}, which is not there yet`);
    return shape;
  });
  return rule({
    node,
    inputs,
    shapeOf: (input) => itemAt(inputs, input),
    integersOf(input) {
      const tensor = constants.get(itemAt(node.input, input));
      if (tensor?.dataType !== int64) throw new Error('its shape must be an int64 constant');
      const { buffer, byteOffset, byteLength } = tensor.rawData;
      const view = new DataView(buffer, byteOffset, byteLength);
      return Array.from({ length: byteLength / 8 }, (_, at) => Number(view.getBigInt64(8 * at, true)));
    },
  });
}

const int64 = 7;

const unary: ShapeRule = ({ shapeOf }) => ({ shape: shapeOf(0) });
const elementwise: ShapeRule = ({ shapeOf }) => ({ shape: broadcast(shapeOf(0), shapeOf(1)) });

const reduction: ShapeRule = ({ node, shapeOf, integersOf }) => {
  const x = shapeOf(0);
  const axes = integersOf(1).map((axis) => positiveAxis(axis, x));
  if (axes.some((axis) => axis < 0 || axis >= x.length)) throw new Error(`[${x}] has no axes [${axes}]`);
  return { shape: reducedShape(x, axes, (integerOf(node, 'keepdims') ?? 1n) !== 0n) };
};

const ruleOf: ShapeRules = {
  Identity: { inputs: [1], rule: unary },
  Neg: { inputs: [1], rule: unary },
  Log: { inputs: [1], rule: unary },
  Sigmoid: { inputs: [1], rule: unary },
  HardSigmoid: { inputs: [1], rule: unary },
  HardSwish: { inputs: [1], rule: unary },
  Relu: { inputs: [1], rule: unary },
  Not: { inputs: [1], rule: unary },
  Cos: { inputs: [1], rule: unary },
  Sin: { inputs: [1], rule: unary },
  LpNormalization: { inputs: [1], rule: unary },
  Gelu: { inputs: [1], rule: unary },
  Softmax: { inputs: [1], rule: unary },
  Cast: { inputs: [1], rule: unary },
  Clip: { inputs: [3], rule: unary },
  Erf: { inputs: [1], rule: unary },
  Sqrt: { inputs: [1], rule: unary },
  Tanh: { inputs: [1], rule: unary },
  Div: { inputs: [2], rule: elementwise },
  Greater: { inputs: [2], rule: elementwise },
  And: { inputs: [2], rule: elementwise },
  Equal: { inputs: [2], rule: elementwise },
  Where: {
    inputs: [3],
    rule: ({ shapeOf }) => ({ shape: broadcast(shapeOf(0), broadcast(shapeOf(1), shapeOf(2))) }),
  },
  Pow: { inputs: [2], rule: elementwise },
  ReduceMean: { inputs: [2], rule: reduction },
  ReduceSum: { inputs: [2], rule: reduction },
  ReduceL2: { inputs: [2], rule: reduction },
  Expand: {
    inputs: [2],
    rule: ({ shapeOf, integersOf }) => ({ shape: broadcast(shapeOf(0), integersOf(1)) }),
  },
  Transpose: {
    inputs: [1],
    rule({ node, shapeOf }) {
      const x = shapeOf(0);
      const order = node.attribute.find(({ name }) => name === 'perm')?.ints.map(Number) ?? [];
      if (order.toSorted((a, b) => a - b).join() !== [...x.keys()].join())
        throw new Error(`[${order}] does not order the axes of [${x}]`);
      return { shape: order.map((axis) => itemAt(x, axis)) };
    },
  },
  Split: {
    inputs: [2],
    rule({ node, shapeOf, integersOf }) {
      const x = shapeOf(0);
      const axis = positiveAxis(Number(integerOf(node, 'axis') ?? 0n), x);
      const sizes = integersOf(1);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      if (sizes.some((size) => size < 1) || total !== x[axis])
        throw new Error(`[${x}] cannot be cut into [${sizes}]`);
      const [first, ...more] = sizes.map((size) => withAxis(x, axis, size));
      return { shape: first ?? x, more };
    },
  },
  MatMul: {
    inputs: [2],
    rule({ shapeOf }) {
      const [a, b] = [shapeOf(0), shapeOf(1)];
      if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2))
        throw new Error(`[${a}] and [${b}] cannot be multiplied`);
      const lead = broadcast(a.slice(0, -2), b.slice(0, -2));
      const shape = [...lead, itemAt(a, -2), itemAt(b, -1)];
      return { shape, multiplications: elementCount(shape) * itemAt(b, -2) };
    },
  },
  ...layoutRules,
  ...convolutionRules,
  Add: { inputs: [2], rule: elementwise },
  Sub: { inputs: [2], rule: elementwise },
  Mul: { inputs: [2], rule: elementwise },
  LayerNormalization: {
    inputs: [3],
    // Beside the normalised rows it returns their means and inverse deviations.
    rule({ node, shapeOf }) {
      const x = shapeOf(0);
      for (const other of [shapeOf(1), shapeOf(2)]) requireSpread(other, x);
      const first = positiveAxis(Number(integerOf(node, 'axis') ?? -1n), x);
      const statistics = x.map((size, axis) => (axis < first ? size : 1));
      return { shape: x, more: [statistics, statistics] };
    },
  },
  Gemm: {
    inputs: [2, 3],
    rule({ node, shapeOf, inputs: [, , bias] }) {
      const [a, b] = [shapeOf(0), shapeOf(1)];
      if (a.length !== 2 || b.length !== 2) throw new Error(`[${a}] and [${b}] are no matrices`);
      const product = multiply(node, a, b);
      if (bias) requireSpread(bias, product.shape);
      return product;
    },
  },
  FusedMatMul: {
    inputs: [2],
    rule({ node, shapeOf }) {
      const [a, b] = [shapeOf(0), shapeOf(1)];
      if (a.length < 2 || !sameShape(a.slice(0, -2), b.slice(0, -2)))
        throw new Error(`the stacks [${a}] and [${b}] differ`);
      return multiply(node, a, b);
    },
  },
  Reshape: {
    inputs: [2],
    rule({ shapeOf, integersOf }) {
      const x = shapeOf(0);
      const asked = integersOf(1).map((size, axis) => (size === 0 ? x[axis] : size));
      if (!asked.every((size): size is number => size !== undefined && size >= -1))
        throw new Error(`[${asked}] is no shape`);
      const known = elementCount(asked.filter((size) => size !== -1));
      const shape = asked.map((size) => (size === -1 ? elementCount(x) / known : size));
      if (asked.filter((size) => size === -1).length > 1 || !shape.every(Number.isInteger))
        throw new Error(`[${x}] does not become [${asked}]`);
      if (elementCount(shape) !== elementCount(x)) throw new Error(`[${x}] does not become [${asked}]`);
      return { shape };
    },
  },
};
const rules: ReadonlyMap<string, ShapeRules[string]> = new Map(Object.entries(ruleOf));

/** The product of (stacks of) matrices, either transposed. */
function multiply(node: NodeProto, a: Shape, b: Shape): ReturnType<ShapeRule> {
  const sizes = (shape: Shape, transposition: string): [number, number] => {
    const [rows, columns] = [itemAt(shape, -2), itemAt(shape, -1)];
    return (integerOf(node, transposition) ?? 0n) === 0n ? [rows, columns] : [columns, rows];
  };
  const [rows, inner] = sizes(a, 'transA');
  const [other, columns] = sizes(b, 'transB');
  if (inner !== other) throw new Error(`[${a}] and [${b}] cannot be multiplied`);
  const shape = [...a.slice(0, -2), rows, columns];
  return { shape, multiplications: elementCount(shape) * inner };
}

function requireSpread(part: Shape, whole: Shape): void {
  if (!sameShape(broadcast(part, whole), whole)) throw new Error(`[${part}] does not fit [${whole}]`);
}
