import { itemAt, required } from '../../indexing.ts';
import { add, cast, gelu, multiply, scale, sigmoid, subtract } from '../operations/elementwise.ts';
import { gather, reshape, split, transpose, zeros } from '../operations/layout.ts';
import { batchedMatmul } from '../operations/linear.ts';
import { layerNorm, softmax } from '../operations/normalization.ts';
import { greater } from '../operations/selection.ts';
import { apply, constant, integers, type Value } from '../value.ts';
import { type Call, floatOf, inputOf, integerOf, integersOf, type Rebuild, shapeOf } from './call.ts';

/**
 * Operators of ONNX Runtime that stand for several of ONNX's, unfolded: what is built of the operators that have a gradient
 * rule has a gradient. github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md says what each computes.
 */
export const fusedOperators: Readonly<Record<string, Rebuild>> = {
  'com.microsoft.Gelu': (call) => [gelu(inputOf(call, 0))],
  'com.microsoft.BiasGelu': (call) => [gelu(add(inputOf(call, 0), inputOf(call, 1)))],
  'com.microsoft.FastGelu': (call) => {
    const bias = call.inputs[1];
    const x = bias ? add(inputOf(call, 0), bias) : inputOf(call, 0);
    return [apply('Gelu', [x], { shape: x.shape, attributes: { approximate: 'tanh' } })];
  },
  'com.microsoft.QuickGelu': (call) => {
    const x = inputOf(call, 0);
    return [multiply(x, sigmoid(scale(x, floatOf(call, 'alpha', 1.702))))];
  },
  'com.microsoft.SkipLayerNormalization': (call) => {
    const [gain, shift, bias] = [inputOf(call, 2), call.inputs[3], call.inputs[4]];
    const skipped = add(inputOf(call, 0), inputOf(call, 1));
    return withSum(bias ? add(skipped, bias) : skipped, gain, shift, floatOf(call, 'epsilon', 1e-12));
  },
  'com.microsoft.EmbedLayerNormalization': embedLayerNorm,
  'com.microsoft.Attention': packedAttention,
  'com.microsoft.MultiHeadAttention': multiHeadAttention,
};

/** The normalized rows; their statistics, which nothing reads at inference; and the sum that was normalized. */
function withSum(sum: Value, gain: Value, shift: Value | undefined, epsilon: number): readonly Value[] {
  const normalized = layerNorm(sum, gain, shift ?? zeros(gain.shape), epsilon);
  return [normalized, normalized, normalized, sum];
}

function embedLayerNorm(call: Call): readonly Value[] {
  const [ids, segments, words, positions, segmentRows] = [
    inputOf(call, 0),
    call.inputs[1],
    inputOf(call, 2),
    inputOf(call, 3),
    call.inputs[4],
  ];
  const tokens = itemAt(ids.shape, 1);
  const places = call.inputs[8] ?? integers(Array.from({ length: tokens }, (_, index) => index));
  const placed = add(gather(words, ids), gather(positions, places));
  const sum = segments && segmentRows ? add(placed, gather(segmentRows, segments)) : placed;
  const [normalized] = withSum(sum, inputOf(call, 5), inputOf(call, 6), floatOf(call, 'epsilon', 1e-12));
  const isMaskRead = call.node.output.length > 1 && call.node.output[1] !== '';
  if (isMaskRead && call.inputs[7]) throw new Error('its mask index is not supported');
  return [required(normalized, 'the normalized embedding'), ids, sum];
}

/** `Attention`: one product for query, key and value. */
function packedAttention(call: Call): readonly Value[] {
  refuse(call, [4, 'past'], [6, 'past_sequence_length']);
  const sizes = integersOf(call, 'qkv_hidden_sizes');
  if (sizes && new Set(sizes).size > 1)
    throw new Error('values of another size than the queries are not supported');
  const [x, weight, bias] = [inputOf(call, 0), inputOf(call, 1), call.inputs[2]];
  const width = itemAt(weight.shape, 1);
  const product = apply('MatMul', [x, weight], { shape: [...x.shape.slice(0, -1), width] });
  const packed = bias ? add(product, bias) : product;
  const third = width / 3;
  return [attention(call, split(packed, [third, third, third], packed.shape.length - 1))];
}

/** `MultiHeadAttention`: query, key and value come by themselves, their biases packed. */
function multiHeadAttention(call: Call): readonly Value[] {
  refuse(call, [6, 'past_key'], [7, 'past_value']);
  const [query, key, value] = [inputOf(call, 0), inputOf(call, 1), inputOf(call, 2)];
  if ([query, key, value].some(({ shape }) => shape.length !== 3))
    throw new Error('packed queries, keys and values are not supported');
  const width = itemAt(query.shape, 2);
  const bias = call.inputs[3];
  const biases = bias && split(bias, [width, width, width], 0);
  const shifted = [query, key, value].map((x, index) => (biases ? add(x, itemAt(biases, index)) : x));
  return [attention(call, shifted, 4)];
}

/**
 * `softmax(q kᵀ / √d + mask) v` by head, for [batch, tokens, width] each. Vaswani et al. 2017.
 * @param maskInput the input [batch, tokens] that is 0 for tokens that nothing attends to; the one behind it is added to
 *   the products before the softmax
 */
function attention(call: Call, projected: readonly Value[], maskInput = 3): Value {
  const [query, key, value] = [itemAt(projected, 0), itemAt(projected, 1), itemAt(projected, 2)];
  const [mask, added] = [call.inputs[maskInput], call.inputs[5]];
  if (mask && mask.shape.length !== 2)
    throw new Error(`a mask of rank ${mask.shape.length} is not supported`);
  if (integerOf(call, 'unidirectional', 0) === 1)
    throw new Error('unidirectional attention is not supported');
  const heads = integerOf(call, 'num_heads', 1);
  const size = itemAt(query.shape, 2) / heads;
  const byHead = (x: Value) =>
    transpose(reshape(x, [itemAt(x.shape, 0), itemAt(x.shape, 1), heads, size]), [0, 2, 1, 3]);
  const alpha = floatOf(call, 'scale', 0) || 1 / Math.sqrt(size);
  let scores = batchedMatmul(byHead(query), byHead(key), { transposeB: true, alpha });
  if (added) scores = add(scores, added);
  if (mask) {
    const [batch, tokens] = [itemAt(mask.shape, 0), itemAt(mask.shape, 1)];
    const isShown = cast(greater(cast(mask, 'float32'), constant(0)), 'float32');
    const isMasked = subtract(constant(1), isShown);
    const fill = scale(isMasked, floatOf(call, 'mask_filter_value', -10000));
    scores = add(scores, reshape(fill, [batch, 1, 1, tokens]));
  }
  const mixed = batchedMatmul(softmax(scores), byHead(value));
  return reshape(transpose(mixed, [0, 2, 1, 3]), shapeOf(call));
}

/** @throws Error where an input is given that makes another operator of it */
function refuse({ inputs }: Call, ...unsupported: readonly [index: number, name: string][]): void {
  for (const [index, name] of unsupported)
    if (inputs[index]) throw new Error(`its input ${name} is not supported`);
}
