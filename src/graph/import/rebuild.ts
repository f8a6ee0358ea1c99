import { itemAt } from '../../indexing.ts';
import { cast } from '../operations/elementwise.ts';
import { reshape, zeros } from '../operations/layout.ts';
import { layerNorm } from '../operations/normalization.ts';
import { elementCount, positiveAxis } from '../shape.ts';
import { constant, integers, scalarOf, type Value } from '../value.ts';
import {
  type Call,
  floatOf,
  inputOf,
  integerOf,
  integersOf,
  type Rebuild,
  sameNode,
  shapeOf,
} from './call.ts';
import { fusedOperators } from './fused.ts';
import { isStandard } from './model-parts.ts';

/** Where a shape is asked for, the one that the trial run saw does: how the model computes it doesn't matter. */
const toShape: Rebuild = (call) => [reshape(inputOf(call, 0), shapeOf(call))];

const firstInput: Rebuild = (call) => [inputOf(call, 0)];

/** Operators whose form in the graph is another than in some model, by ONNX's name. */
const rebuilds: Readonly<Record<string, Rebuild>> = {
  Reshape: toShape,
  Flatten: toShape,
  Squeeze: toShape,
  Unsqueeze: toShape,
  Identity: firstInput,
  // Without training both are nothing.
  Dropout: firstInput,
  Cast: (call) => [cast(inputOf(call, 0), itemAt(call.outputs, 0).type)],
  // An axis that is the batch's already takes any size, and so does one of size 1.
  Expand: (call) => {
    const x = inputOf(call, 0);
    const shape = shapeOf(call);
    const missing = shape.length - x.shape.length;
    const target = shape.map((size, axis) => (x.shape[axis - missing] === size ? 1 : size));
    return target.every((size) => size === 1) && missing === 0 ? [x] : sameNode(call, [x, integers(target)]);
  },
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceSumSquare: reduction,
  Split: (call) => {
    const axis = positiveAxis(integerOf(call, 'axis', 0), inputOf(call, 0).shape);
    const sizes = call.outputs.map(({ shape }) => itemAt(shape, axis));
    return sameNode(call, [inputOf(call, 0), integers(sizes)], { attributes: { axis } });
  },
  // With its statistics as outputs, which the gradient rule reads.
  LayerNormalization: (call) => {
    const [x, gain] = [inputOf(call, 0), inputOf(call, 1)];
    if (positiveAxis(integerOf(call, 'axis', -1), x.shape) !== x.shape.length - 1)
      throw new Error('over several axes is not supported');
    return [layerNorm(x, gain, call.inputs[2] ?? zeros(gain.shape), floatOf(call, 'epsilon', 1e-5))];
  },
  Softmax: lastAxisBefore13,
  LogSoftmax: lastAxisBefore13,
  GatherND: batchIndexed,
  // Bounds were attributes until 11, and are often omitted.
  Clip: (call) => {
    const low = call.inputs[1] ?? constant(floatOf(call, 'min', -3.4028234663852886e38));
    const high = call.inputs[2] ?? constant(floatOf(call, 'max', 3.4028234663852886e38));
    return sameNode(call, [inputOf(call, 0), asScalar(low), asScalar(high)], { attributes: {} });
  },
  Pow: (call) => {
    const exponent = cast(inputOf(call, 1), 'float32');
    const known = exponent.kind === 'constant' && exponent.data.length === 1;
    return sameNode(call, [inputOf(call, 0), known ? asScalar(exponent) : exponent]);
  },
  // They came with later operator sets as ONNX's own.
  ...fusedOperators,
};

/** Operators whose further inputs say which shape comes out, or which rows of the batch are meant, and nothing else of it. */
const batchAware = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Expand', 'GatherND']);

/** Whether an input of an operator may hold the size of the batch. */
export function mayHoldBatch(operator: string, index: number): boolean {
  return index > 0 && batchAware.has(operator);
}

/**
 * The values that a node's outputs are in the graph.
 * @throws Error where its form has no counterpart
 */
export function rebuild(call: Call): readonly Value[] {
  const { domain, opType } = call.node;
  const isOwn = isStandard(domain);
  const own = rebuilds[isOwn ? opType : `${domain}.${opType}`];
  if (own) return own(call);
  if (call.inputs.some((value) => value === undefined))
    throw new Error('an input that is omitted before another one is not supported');
  return sameNode(
    call,
    call.inputs.flatMap((value) => value ?? []),
    isOwn ? { domain: '' } : {},
  );
}

/**
 * Exporters look up a mask [batch, tokens] by the row's own place in the batch and a token's: the same tokens of every row.
 * @throws Error where the indices are others
 */
function batchIndexed(call: Call): readonly Value[] {
  const [x, indices] = [inputOf(call, 0), inputOf(call, 1)];
  const [rows = 0, ...rest] = indices.shape;
  const numbers = indices.kind === 'constant' ? Array.from(indices.data, Number) : [];
  const places = rest.slice(0, -1);
  const perRow = elementCount(places);
  const isOwn = numbers.every((number, index) =>
    index % 2 === 0 ? number === Math.floor(index / (2 * perRow)) : number === numbers[index % (2 * perRow)],
  );
  if (
    numbers.length !== 2 * rows * perRow ||
    rest.at(-1) !== 2 ||
    !isOwn ||
    integerOf(call, 'batch_dims', 0) !== 0
  )
    throw new Error('other indices than of the tokens of each row are not supported');
  const tokens = numbers.slice(0, 2 * perRow).filter((_, index) => index % 2 === 1);
  const chosen = { ...integers(tokens), shape: places };
  return sameNode(call, [x, chosen], { operator: 'Gather', attributes: { axis: 1 } });
}

/** The axes were an attribute until operator set 18 (of ReduceSum 13). */
function reduction(call: Call): readonly Value[] {
  const axes = integersOf(call, 'axes');
  const [x, given] = [inputOf(call, 0), call.inputs[1] ?? (axes && integers(axes))];
  if (!given && integerOf(call, 'noop_with_empty_axes', 0) === 1) return [x];
  const attributes = { keepdims: integerOf(call, 'keepdims', 1) };
  return sameNode(call, given ? [x, given] : [x], { attributes });
}

/** Until operator set 13 the axes from `axis` on, 1 by default, were one. */
function lastAxisBefore13(call: Call): readonly Value[] {
  const { length } = shapeOf(call);
  const axis = integerOf(call, 'axis', call.operatorSet < 13 ? 1 : -1);
  if (call.operatorSet < 13 && positiveAxis(axis, shapeOf(call)) !== length - 1)
    throw new Error(`over the axes from ${axis} on is not supported before operator set 13`);
  return sameNode(call, [inputOf(call, 0)], { attributes: { axis } });
}

/** A constant of one element, as a scalar. */
function asScalar(value: Value): Value {
  if (value.kind !== 'constant' || scalarOf(value) !== undefined) return value;
  return { ...value, shape: [] };
}
