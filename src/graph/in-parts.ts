import { itemAt } from '../indexing.ts';
import { differentiate } from './differentiate.ts';
import { add, multiply } from './operations/elementwise.ts';
import { reshape, zeros } from './operations/layout.ts';
import { loop } from './operations/loop.ts';
import { sum } from './operations/reduction.ts';
import { input, type Value } from './value.ts';

/**
 * A function of rows, computed for a part of them after the other, so that only one part's intermediate values are in
 * memory. For the gradient each part is computed once more, and the parts' gradients are added up; GradCache, Gao et al.
 * 2021. What comes of it is the same as for all rows at once, but for rounding.
 * @param rows [n, …], n a multiple of the parts; no gradient reaches them
 * @param learnt what the function takes beside them
 * @param compute gives [k, …] for k rows, a row of it from a row alone
 * @throws Error where the rows cannot be divided into so many parts
 * @example const features = inParts(4, rows, [weight], (part, [weight]) => gelu(gemm(part, weight)));
 */
export function inParts(
  parts: number,
  rows: Value,
  learnt: readonly Value[],
  compute: (rows: Value, learnt: readonly Value[]) => Value,
): Value {
  if (parts === 1) return compute(rows, learnt);
  const [count = 0, ...rowShape] = rows.shape;
  if (count % parts !== 0) throw new Error(`${count} rows cannot be divided into ${parts} parts`);
  const stacked = reshape(rows, [parts, count / parts, ...rowShape]);
  const part = input('rows', [count / parts, ...rowShape], rows.type);
  const own = learnt.map(({ shape, type }, index) => input(`learnt.${index}`, shape, type));
  const result = compute(part, own);
  const gradient = (dy: Value) => {
    const received = input('received', result.shape);
    const gradients = differentiate(sum(multiply(result, received)), own);
    const sums = own.map(({ name, shape }, index) => {
      const current = input(`${name}.sum`, shape);
      return { current, next: add(current, itemAt(gradients, index)) };
    });
    const totals = loop(
      { state: sums, perStep: [part, received], shared: own, reports: {} },
      {
        start: own.map(({ shape }) => zeros(shape)),
        perStep: [stacked, dy],
        shared: learnt,
      },
    );
    return [undefined, ...totals];
  };
  const results = loop(
    { state: [], perStep: [part], shared: own, reports: { result } },
    { start: [], perStep: [stacked], shared: learnt },
    gradient,
  );
  return reshape(itemAt(results, 0), [count, ...result.shape.slice(1)]);
}
