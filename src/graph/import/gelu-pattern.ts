import { gelu } from '../operations/elementwise.ts';
import type { Value } from '../value.ts';

/**
 * `x Φ(x)` as one operator, where exporters write it as `x (erf(x / √2) + 1) / 2`; its gradient is compact, too.
 * @returns undefined where the value is none
 */
export function geluOf(value: Value): Value | undefined {
  const factors = factorsOf(value, 2);
  const half = factors.find((factor) => isNumber(factor, 0.5));
  const shifted = factors.find((factor) => inputsOf(factor, 'Add')?.some((term) => isNumber(term, 1)));
  const x = factors.find((factor) => factor !== half && factor !== shifted);
  if (factors.length !== 3 || !half || !shifted || !x) return undefined;
  const error = inputsOf(shifted, 'Add')?.find((term) => inputsOf(term, 'Erf'));
  const [inner] = (error && inputsOf(error, 'Erf')) ?? [];
  if (!inner) return undefined;
  const divided = inputsOf(inner, 'Div');
  const scaled = inputsOf(inner, 'Mul');
  const isOfX = divided
    ? divided[0] === x && isNumber(divided[1], Math.SQRT2)
    : scaled?.includes(x) && scaled.some((factor) => isNumber(factor, Math.SQRT1_2));
  return isOfX ? gelu(x) : undefined;
}

function factorsOf(value: Value, depth: number): Value[] {
  const inputs = depth > 0 ? inputsOf(value, 'Mul') : undefined;
  return inputs ? inputs.flatMap((input) => factorsOf(input, depth - 1)) : [value];
}

function inputsOf(value: Value, operator: string): readonly Value[] | undefined {
  return value.kind === 'result' && value.node.operator === operator ? value.node.inputs : undefined;
}

/** Whether it is a constant of one element that is this number, in single precision. */
function isNumber(value: Value | undefined, number: number): boolean {
  return (
    value?.kind === 'constant' &&
    value.data.length === 1 &&
    Math.abs(Number(value.data[0]) - number) < 1e-6 * Math.abs(number)
  );
}
