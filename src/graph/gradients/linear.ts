import { expectAttribute, floatOf, given, integerOf, unsupported } from '../attributes.ts';
import { expand, reshape } from '../operations/layout.ts';
import { batchedMatmul, gemm } from '../operations/linear.ts';
import { sumTo } from '../operations/reduction.ts';
import { elementCount } from '../shape.ts';
import type { Node, Value } from '../value.ts';
import type { GradientRules } from './rule.ts';

/** Products of matrices. */
export const linearRules: GradientRules = {
  Gemm: (node, [dy]) => {
    expectAttribute(node, 'beta', 1);
    const [, , bias] = node.inputs;
    return [...productRule(gemm, node, given(dy)), ...(bias ? [sumTo(given(dy), bias.shape)] : [])];
  },
  'com.microsoft.FusedMatMul': (node, [dy]) => productRule(batchedMatmul, node, given(dy)),
  MatMul: (node, [dy]) => matmulRule(node, given(dy)),
};

/** Of `alpha a b`, either factor transposed at will. */
function productRule(product: typeof gemm, node: Node, dy: Value): [Value, Value] {
  const [a, b] = [given(node.inputs[0]), given(node.inputs[1])];
  const transposeA = integerOf(node, 'transA', 0) === 1;
  const transposeB = integerOf(node, 'transB', 0) === 1;
  const alpha = floatOf(node, 'alpha', 1);
  return [
    transposeA
      ? product(b, dy, { transposeA: transposeB, transposeB: true, alpha })
      : product(dy, b, { transposeB: !transposeB, alpha }),
    transposeB
      ? product(dy, a, { transposeA: true, transposeB: transposeA, alpha })
      : product(a, dy, { transposeA: !transposeA, alpha }),
  ];
}

/** NumPy's product: stacks of matrices, whose leading axes broadcast. By one matrix it is a single product of all rows. */
function matmulRule(node: Node, dy: Value): [Value, Value] {
  const [a, b] = [given(node.inputs[0]), given(node.inputs[1])];
  if (a.shape.length < 2 || b.shape.length < 2) throw unsupported(node, 'vectors');
  const [inner, columns] = [given(a.shape.at(-1)), given(b.shape.at(-1))];
  if (b.shape.length === 2) {
    const rows = elementCount(a.shape) / inner;
    const flat = reshape(dy, [rows, columns]);
    return [
      reshape(gemm(flat, b, { transposeB: true }), a.shape),
      gemm(reshape(a, [rows, inner]), flat, { transposeA: true }),
    ];
  }
  const lead = dy.shape.slice(0, -2);
  const stacked = (x: Value) => expand(x, [...lead, ...x.shape.slice(-2)]);
  return [
    sumTo(batchedMatmul(dy, stacked(b), { transposeB: true }), a.shape),
    sumTo(batchedMatmul(stacked(a), dy, { transposeA: true }), b.shape),
  ];
}
