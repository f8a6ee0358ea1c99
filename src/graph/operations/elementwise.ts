import { broadcast, sameShape } from '../shape.ts';
import {
  apply,
  blocked,
  constant,
  type ElementType,
  elementTypeCodes,
  scalarOf,
  type Value,
} from '../value.ts';
import { sumTo } from './reduction.ts';

/** `a + b`, with broadcasting. */
export function add(a: Value, b: Value): Value {
  if (scalarOf(b) === 0) return a;
  return apply('Add', [a, b], {
    shape: broadcast(a.shape, b.shape),
    gradient: (dy) => [sumTo(dy, a.shape), sumTo(dy, b.shape)],
  });
}

/** `a - b`, with broadcasting. */
export function subtract(a: Value, b: Value): Value {
  if (scalarOf(b) === 0) return a;
  return apply('Sub', [a, b], {
    shape: broadcast(a.shape, b.shape),
    gradient: (dy) => [sumTo(dy, a.shape), negate(sumTo(dy, b.shape))],
  });
}

/** `a * b`, with broadcasting. A factor that is the constant 1 costs nothing. */
export function multiply(a: Value, b: Value): Value {
  if (scalarOf(b) === 1) return a;
  if (scalarOf(a) === 1) return b;
  return apply('Mul', [a, b], {
    shape: broadcast(a.shape, b.shape),
    gradient: (dy) => [sumTo(multiply(dy, b), a.shape), sumTo(multiply(dy, a), b.shape)],
  });
}

/** `x * factor`. */
export function scale(x: Value, factor: number): Value {
  return multiply(x, constant(factor));
}

/** `a / b`, with broadcasting. */
export function divide(a: Value, b: Value): Value {
  const y: Value = apply('Div', [a, b], {
    shape: broadcast(a.shape, b.shape),
    gradient: (dy) => {
      const da = divide(dy, b);
      return [sumTo(da, a.shape), negate(sumTo(multiply(da, y), b.shape))];
    },
  });
  return y;
}

export function negate(x: Value): Value {
  return apply('Neg', [x], { shape: x.shape, gradient: (dy) => [negate(dy)] });
}

/** `1 / x`. */
export function reciprocal(x: Value): Value {
  const y: Value = apply('Reciprocal', [x], {
    shape: x.shape,
    gradient: (dy) => [negate(multiply(dy, multiply(y, y)))],
  });
  return y;
}

export function exp(x: Value): Value {
  const y: Value = apply('Exp', [x], { shape: x.shape, gradient: (dy) => [multiply(dy, y)] });
  return y;
}

/** Natural logarithm. */
export function log(x: Value): Value {
  return apply('Log', [x], { shape: x.shape, gradient: (dy) => [divide(dy, x)] });
}

export function sqrt(x: Value): Value {
  const y: Value = apply('Sqrt', [x], { shape: x.shape, gradient: (dy) => [divide(scale(dy, 0.5), y)] });
  return y;
}

export function absolute(x: Value): Value {
  return apply('Abs', [x], { shape: x.shape, gradient: (dy) => [multiply(dy, sign(x))] });
}

/** -1, 0 or 1. Its gradient is zero everywhere that it has one, so none passes. */
export function sign(x: Value): Value {
  return apply('Sign', [x], { shape: x.shape, gradient: blocked });
}

export function tanh(x: Value): Value {
  const y: Value = apply('Tanh', [x], {
    shape: x.shape,
    gradient: (dy) => [multiply(dy, subtract(constant(1), multiply(y, y)))],
  });
  return y;
}

export function sigmoid(x: Value): Value {
  const y: Value = apply('Sigmoid', [x], {
    shape: x.shape,
    gradient: (dy) => [multiply(dy, multiply(y, subtract(constant(1), y)))],
  });
  return y;
}

/** `log(1 + exp(x))`. */
export function softplus(x: Value): Value {
  return apply('Softplus', [x], { shape: x.shape, gradient: (dy) => [multiply(dy, sigmoid(x))] });
}

export function relu(x: Value): Value {
  return apply('Relu', [x], { shape: x.shape, gradient: (dy) => [multiply(dy, sign(relu(x)))] });
}

export function erf(x: Value): Value {
  const slope = 2 / Math.sqrt(Math.PI);
  return apply('Erf', [x], {
    shape: x.shape,
    gradient: (dy) => [multiply(dy, scale(exp(negate(multiply(x, x))), slope))],
  });
}

/** `x Φ(x)`, exact: Φ by erf, not by tanh. Hendrycks and Gimpel 2016. */
export function gelu(x: Value): Value {
  return apply('Gelu', [x], {
    shape: x.shape,
    gradient: (dy) => {
      const cumulative = scale(add(erf(scale(x, Math.SQRT1_2)), constant(1)), 0.5);
      const density = scale(exp(scale(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [multiply(dy, add(cumulative, multiply(x, density)))];
    },
  });
}

/** The larger of `x` and a number; where they are equal the gradient passes. */
export function atLeast(x: Value, bound: number): Value {
  return apply('Clip', [x, constant(bound)], {
    shape: x.shape,
    gradient: (dy) => {
      const passes = apply('GreaterOrEqual', [x, constant(bound)], {
        shape: x.shape,
        type: 'bool',
        gradient: blocked,
      });
      return [multiply(dy, cast(passes, 'float32'))];
    },
  });
}

/** The smaller of the two, with broadcasting. No gradient passes: it serves statistics and clipping factors. */
export function minimum(a: Value, b: Value): Value {
  return apply('Min', [a, b], { shape: broadcast(a.shape, b.shape), gradient: blocked });
}

/** Converts the elements. No gradient passes: there is one float type. */
export function cast(x: Value, type: ElementType): Value {
  if (x.type === type) return x;
  return apply('Cast', [x], {
    shape: x.shape,
    type,
    attributes: { to: elementTypeCodes[type] },
    gradient: blocked,
  });
}

/** Sum of any number of values of one shape. */
export function sumOf(values: readonly Value[]): Value {
  if (!values.every((value) => sameShape(value.shape, values[0].shape)))
    throw new Error(`cannot add shapes ${values.map((value) => `[${value.shape}]`).join(', ')}`);
  return values.reduce(add);
}
