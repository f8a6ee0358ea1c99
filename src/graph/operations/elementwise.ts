import { itemAt } from '../../indexing.ts';
import { broadcast, sameShape } from '../shape.ts';
import { apply, constant, type ElementType, elementTypeCodes, scalarOf, type Value } from '../value.ts';

/** `a + b`, with broadcasting. */
export function add(a: Value, b: Value): Value {
  return scalarOf(b) === 0 ? a : binary('Add', a, b);
}

/** `a - b`, with broadcasting. */
export function subtract(a: Value, b: Value): Value {
  return scalarOf(b) === 0 ? a : binary('Sub', a, b);
}

/** `a * b`, with broadcasting. A factor that is the constant 1 costs nothing. */
export function multiply(a: Value, b: Value): Value {
  if (scalarOf(b) === 1) return a;
  if (scalarOf(a) === 1) return b;
  return binary('Mul', a, b);
}

/** `x * factor`. */
export function scale(x: Value, factor: number): Value {
  return multiply(x, constant(factor));
}

/** `a / b`, with broadcasting. */
export function divide(a: Value, b: Value): Value {
  return binary('Div', a, b);
}

/** `x ** exponent`, with broadcasting. */
export function power(x: Value, exponent: Value): Value {
  return scalarOf(exponent) === 1 ? x : binary('Pow', x, exponent);
}

export function negate(x: Value): Value {
  return unary('Neg', x);
}

/** `1 / x`. */
export function reciprocal(x: Value): Value {
  return unary('Reciprocal', x);
}

export function exp(x: Value): Value {
  return unary('Exp', x);
}

/** Natural logarithm. */
export function log(x: Value): Value {
  return unary('Log', x);
}

export function sqrt(x: Value): Value {
  return unary('Sqrt', x);
}

export function absolute(x: Value): Value {
  return unary('Abs', x);
}

/** -1, 0 or 1. Its gradient is zero wherever it has one, so none passes. */
export function sign(x: Value): Value {
  return unary('Sign', x);
}

export function tanh(x: Value): Value {
  return unary('Tanh', x);
}

export function sigmoid(x: Value): Value {
  return unary('Sigmoid', x);
}

/** `log(1 + exp(x))`. */
export function softplus(x: Value): Value {
  return unary('Softplus', x);
}

export function relu(x: Value): Value {
  return unary('Relu', x);
}

export function erf(x: Value): Value {
  return unary('Erf', x);
}

/** `x Φ(x)`, exact: Φ by erf, not by tanh. Hendrycks and Gimpel 2016. */
export function gelu(x: Value): Value {
  return unary('Gelu', x);
}

/** The larger of `x` and a number; where they are equal the gradient passes. */
export function atLeast(x: Value, bound: number): Value {
  return apply('Clip', [x, constant(bound)], { shape: x.shape });
}

/** The smaller of the two, with broadcasting. Where they are equal the gradient goes to `a`. */
export function minimum(a: Value, b: Value): Value {
  return binary('Min', a, b);
}

/** Converts the elements. No gradient passes: there is one float type. */
export function cast(x: Value, type: ElementType): Value {
  if (x.type === type) return x;
  return apply('Cast', [x], { shape: x.shape, type, attributes: { to: elementTypeCodes[type] } });
}

/** Sum of any number of values of one shape. */
export function sumOf(values: readonly Value[]): Value {
  const { shape } = itemAt(values, 0);
  if (!values.every((value) => sameShape(value.shape, shape)))
    throw new Error(`cannot add shapes ${values.map((value) => `[${value.shape}]`).join(', ')}`);
  return values.reduce(add);
}

function unary(operator: string, x: Value): Value {
  return apply(operator, [x], { shape: x.shape });
}

function binary(operator: string, a: Value, b: Value): Value {
  return apply(operator, [a, b], { shape: broadcast(a.shape, b.shape) });
}
