import { broadcast } from '../shape.ts';
import { apply, blocked, type Value } from '../value.ts';

/** Index of the largest element of each row of [n, C], the first where several are: [n], int64. */
export function argMax(x: Value): Value {
  return apply('ArgMax', [x], {
    shape: [x.shape[0]],
    type: 'int64',
    attributes: { axis: 1, keepdims: 0 },
    gradient: blocked,
  });
}

/** Whether elements are the same: bool. */
export function equal(a: Value, b: Value): Value {
  return compare('Equal', a, b);
}

/** Whether elements of `a` are larger: bool. */
export function greater(a: Value, b: Value): Value {
  return compare('Greater', a, b);
}

function compare(operator: 'Equal' | 'Greater', a: Value, b: Value): Value {
  return apply(operator, [a, b], {
    shape: broadcast(a.shape, b.shape),
    type: 'bool',
    gradient: blocked,
  });
}
