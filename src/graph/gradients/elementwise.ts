import { floatOf, given, unsupported } from '../attributes.ts';
import {
  add,
  cast,
  divide,
  erf,
  exp,
  log,
  multiply,
  negate,
  power,
  scale,
  sigmoid,
  sign,
  subtract,
  tanh,
} from '../operations/elementwise.ts';
import { sumTo } from '../operations/reduction.ts';
import { greaterOrEqual, where } from '../operations/selection.ts';
import { apply, constant, type Node, scalarOf, type Value } from '../value.ts';
import { binary, blocked, type GradientRule, type GradientRules, unary } from './rule.ts';

/** Element by element, with broadcasting. */
export const elementwiseRules: GradientRules = {
  Add: binary((dy, a, b) => [sumTo(dy, a.shape), sumTo(dy, b.shape)]),
  Sub: binary((dy, a, b) => [sumTo(dy, a.shape), negate(sumTo(dy, b.shape))]),
  Mul: binary((dy, a, b) => [sumTo(multiply(dy, b), a.shape), sumTo(multiply(dy, a), b.shape)]),
  Div: binary((dy, a, b, y) => {
    const da = divide(dy, b);
    return [sumTo(da, a.shape), negate(sumTo(multiply(da, y), b.shape))];
  }),
  Pow: binary((dy, a, b, y) => [
    sumTo(multiply(dy, slopeOfPower(a, b)), a.shape),
    sumTo(multiply(dy, multiply(y, log(a))), b.shape),
  ]),
  Min: extreme((a, b) => greaterOrEqual(b, a)),
  Max: extreme(greaterOrEqual),
  Neg: unary((dy) => negate(dy)),
  Reciprocal: unary((dy, _, y) => negate(multiply(dy, multiply(y, y)))),
  Exp: unary((dy, _, y) => multiply(dy, y)),
  Log: unary((dy, x) => divide(dy, x)),
  Sqrt: unary((dy, _, y) => divide(scale(dy, 0.5), y)),
  Abs: unary((dy, x) => multiply(dy, sign(x))),
  Sin: unary((dy, x) => multiply(dy, apply('Cos', [x], { shape: x.shape }))),
  Cos: unary((dy, x) => negate(multiply(dy, apply('Sin', [x], { shape: x.shape })))),
  Tanh: unary((dy, _, y) => multiply(dy, subtract(constant(1), multiply(y, y)))),
  Sigmoid: unary((dy, _, y) => multiply(dy, slopeOfSigmoid(y))),
  Softplus: unary((dy, x) => multiply(dy, sigmoid(x))),
  Relu: unary((dy, _, y) => multiply(dy, sign(y))),
  // It is y (1 - y) times its slope's share where it is neither 0 nor 1, so the sign of that tells where it rises.
  HardSigmoid: unary((dy, _, y, node) =>
    multiply(dy, scale(sign(slopeOfSigmoid(y)), floatOf(node, 'alpha', 0.2))),
  ),
  Erf: unary((dy, x) => multiply(dy, scale(exp(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI)))),
  Gelu: unary((dy, x, _, node) => multiply(dy, slopeOfGelu(x, node))),
  Clip: (node, [dy]) => {
    const [x, low, high] = node.inputs;
    const bounds = [
      ...(low ? [greaterOrEqual(given(x), low)] : []),
      ...(high ? [greaterOrEqual(high, given(x))] : []),
    ];
    return [bounds.reduce((passed, isInside) => multiply(passed, cast(isInside, 'float32')), given(dy))];
  },
  Where: ({ inputs: [condition, a, b] }, [dy]) => [
    undefined,
    sumTo(where(given(condition), given(dy), constant(0)), given(a).shape),
    sumTo(where(given(condition), constant(0), given(dy)), given(b).shape),
  ],
  Identity: unary((dy) => dy),

  Sign: blocked,
  Cast: blocked,
  Equal: blocked,
  Greater: blocked,
  GreaterOrEqual: blocked,
  Less: blocked,
  LessOrEqual: blocked,
  IsNaN: blocked,
  Not: blocked,
  And: blocked,
  Or: blocked,
  Mod: blocked,
};

/** Of the smaller or the larger of two, whose gradient goes to `a` where they are equal. */
function extreme(isFirst: (a: Value, b: Value) => Value): GradientRule {
  return (node, upstream) => {
    if (node.inputs.length !== 2) throw unsupported(node, `${node.inputs.length} inputs`);
    return binary((dy, a, b) => {
      const first = cast(isFirst(a, b), 'float32');
      return [
        sumTo(multiply(dy, first), a.shape),
        sumTo(multiply(dy, subtract(constant(1), first)), b.shape),
      ];
    })(node, upstream);
  };
}

/** `b x ** (b - 1)`; of a constant exponent, which is mostly 2, without computing with it. */
function slopeOfPower(x: Value, exponent: Value): Value {
  const known = scalarOf(exponent);
  return known === undefined
    ? multiply(power(x, subtract(exponent, constant(1))), exponent)
    : scale(power(x, constant(known - 1)), known);
}

function slopeOfSigmoid(y: Value): Value {
  return multiply(y, subtract(constant(1), y));
}

/** Of `x Φ(x)`, with Φ by erf, or by tanh as Hendrycks and Gimpel (2016) approximate it. */
function slopeOfGelu(x: Value, node: Node): Value {
  const { approximate = 'none' } = node.attributes;
  if (approximate === 'none') {
    const cumulative = scale(add(erf(scale(x, Math.SQRT1_2)), constant(1)), 0.5);
    const density = scale(exp(scale(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return add(cumulative, multiply(x, density));
  }
  if (approximate !== 'tanh') throw unsupported(node, `approximate ${approximate}`);
  const factor = Math.sqrt(2 / Math.PI);
  const cubic = 0.044715;
  const square = multiply(x, x);
  const t = tanh(scale(multiply(x, add(scale(square, cubic), constant(1))), factor));
  const inner = scale(add(scale(square, 3 * cubic), constant(1)), factor);
  const rise = multiply(multiply(x, subtract(constant(1), multiply(t, t))), inner);
  return scale(add(add(t, constant(1)), rise), 0.5);
}
