import { itemAt } from '../../indexing.ts';
import { broadcast } from '../shape.ts';
import { apply, integers, type Value } from '../value.ts';
import { reshape } from './layout.ts';

/** Index of the largest element of each row of [n, C], the first where several are: [n], int64. */
export function argMax(x: Value): Value {
  return apply('ArgMax', [x], {
    shape: [itemAt(x.shape, 0)],
    type: 'int64',
    attributes: { axis: 1, keepdims: 0 },
  });
}

/** The largest element of each row of [n, C]: [n, 1]. Several that are equal share its gradient. */
export function rowMaximum(x: Value): Value {
  return apply('ReduceMax', [x, integers([1])], {
    shape: [itemAt(x.shape, 0), 1],
    attributes: { keepdims: 1 },
  });
}

/** The element of each row of [n, C] at its index in `columns` [n], int32: [n, 1]. */
export function pick(x: Value, columns: Value): Value {
  const rows = itemAt(x.shape, 0);
  return apply('GatherElements', [x, reshape(columns, [rows, 1])], {
    shape: [rows, 1],
    attributes: { axis: 1 },
  });
}

/** `x` with `values` added at `indices` along an axis; `indices` (int32 or int64) and `values` have one shape. */
export function scatterAdd(x: Value, indices: Value, values: Value, axis: number): Value {
  return apply('ScatterElements', [x, indices, values], {
    shape: x.shape,
    attributes: { axis, reduction: 'add' },
  });
}

/** Elements of `a` where the condition holds, else of `b`, with broadcasting. */
export function where(condition: Value, a: Value, b: Value): Value {
  return apply('Where', [condition, a, b], {
    shape: broadcast(condition.shape, broadcast(a.shape, b.shape)),
    type: a.type,
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

/** Whether elements of `a` are larger or the same: bool. */
export function greaterOrEqual(a: Value, b: Value): Value {
  return compare('GreaterOrEqual', a, b);
}

function compare(operator: string, a: Value, b: Value): Value {
  return apply(operator, [a, b], { shape: broadcast(a.shape, b.shape), type: 'bool' });
}
