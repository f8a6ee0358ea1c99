import { apply, blocked, type Value } from '../value.ts';

/** Index of the largest element of each row of [n, C], the first where several are: [n], int64. Nothing learns through it. */
export function argMax(x: Value): Value {
  return apply('ArgMax', [x], {
    shape: [x.shape[0]],
    type: 'int64',
    attributes: { axis: 1, keepdims: 0 },
    gradient: blocked,
  });
}
