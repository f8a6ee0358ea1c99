import { itemAt } from '../../indexing.ts';
import { elementCount, sameShape } from '../shape.ts';
import { apply, identity, type Value } from '../value.ts';
import { reshape } from './layout.ts';

export interface GemmOptions {
  /** Takes `a` as its transpose. */
  transposeA?: boolean;
  /** Takes `b` as its transpose. */
  transposeB?: boolean;
  /** Factor of the product. */
  alpha?: number;
  /** Added to the product, with broadcasting. */
  bias?: Value;
}

/**
 * `alpha a b + bias` for matrices, either factor transposed at will.
 * @example gemm(x, weight, { bias }) // [batch, outputs] from [batch, inputs] and [inputs, outputs]
 */
export function gemm(
  a: Value,
  b: Value,
  { transposeA = false, transposeB = false, alpha = 1, bias }: GemmOptions = {},
): Value {
  const rows = itemAt(a.shape, transposeA ? 1 : 0);
  const inner = a.shape[transposeA ? 0 : 1];
  const columns = itemAt(b.shape, transposeB ? 0 : 1);
  if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[transposeB ? 1 : 0] !== inner)
    throw new Error(
      `cannot multiply [${a.shape}]${transposeA ? 'ᵀ' : ''} by [${b.shape}]${transposeB ? 'ᵀ' : ''}`,
    );
  return apply('Gemm', bias ? [a, b, bias] : [a, b], {
    shape: [rows, columns],
    attributes: { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } },
  });
}

/**
 * `alpha a b` of a tall and a wide matrix, to be added to a large one. Where the gradient that comes back is itself a product,
 * `x^T dy` of a linear layer, its two factors are multiplied by the thin matrices in turn: the large product is never built.
 * @example add(weight, thinProduct(down, up, 2)) // LoRA's weight, Hu et al. 2022
 */
export function thinProduct(a: Value, b: Value, alpha = 1): Value {
  return identity([gemm(a, b, { alpha }), a, b], (dy) => [
    undefined,
    timesTransposed(dy, b, alpha),
    transposedTimes(a, dy, alpha),
  ]);
}

/** `alpha dy b^T`. */
function timesTransposed(dy: Value, b: Value, alpha: number): Value {
  const factors = factorsOf(dy);
  if (!factors) return gemm(dy, b, { transposeB: true, alpha });
  const { left, right, transposeA, transposeB, alpha: own } = factors;
  const thin = gemm(right, b, { transposeA: transposeB, transposeB: true, alpha: alpha * own });
  return gemm(left, thin, { transposeA });
}

/** `alpha a^T dy`. */
function transposedTimes(a: Value, dy: Value, alpha: number): Value {
  const factors = factorsOf(dy);
  if (!factors) return gemm(a, dy, { transposeA: true, alpha });
  const { left, right, transposeA, transposeB, alpha: own } = factors;
  // The rows of `left^T a` are the examples: tall, as ONNX Runtime multiplies them fastest.
  const thin = gemm(left, a, { transposeA: !transposeA, alpha: alpha * own });
  return gemm(thin, right, { transposeA: true, transposeB });
}

/** Of a product of two matrices without a bias; undefined of any other value. */
function factorsOf(value: Value) {
  if (value.kind !== 'result' || value.node.operator !== 'Gemm') return undefined;
  const { inputs, attributes } = value.node;
  const [left, right, bias] = inputs;
  if (!left || !right || bias) return undefined;
  const { alpha } = attributes;
  return {
    ...{ left, right, transposeA: attributes.transA === 1, transposeB: attributes.transB === 1 },
    alpha: typeof alpha === 'object' && 'float' in alpha ? alpha.float : 1,
  };
}

/**
 * `y + factor x` for values of one shape and a scalar, as a product of [1, 1] and [1, n]: one operator, where `Mul` and
 * `Add` would be two.
 */
export function addScaled(y: Value, factor: Value, x: Value): Value {
  const row = [1, elementCount(x.shape)];
  return reshape(gemm(reshape(factor, [1, 1]), reshape(x, row), { bias: reshape(y, row) }), x.shape);
}

/**
 * Product of stacks of matrices: `[..., n, k]` by `[..., k, m]`, the leading axes alike.
 * com.microsoft's FusedMatMul takes transposes and a factor without copies.
 */
export function batchedMatmul(
  a: Value,
  b: Value,
  { transposeA = false, transposeB = false, alpha = 1 }: Omit<GemmOptions, 'bias'> = {},
): Value {
  const lead = a.shape.slice(0, -2);
  if (!sameShape(lead, b.shape.slice(0, -2))) throw new Error(`stacks [${a.shape}] and [${b.shape}] differ`);
  const rows = itemAt(a.shape, transposeA ? -1 : -2);
  const columns = itemAt(b.shape, transposeB ? -2 : -1);
  return apply('FusedMatMul', [a, b], {
    domain: 'com.microsoft',
    shape: [...lead, rows, columns],
    attributes: { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } },
  });
}
