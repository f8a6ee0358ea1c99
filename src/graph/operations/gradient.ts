import { identity, type Value } from '../value.ts';

/** `x`, as a number that nothing can learn through. */
export function stopGradient(x: Value): Value {
  return identity([x], () => []);
}

/**
 * `x`, with its gradient changed on the way back. It leaves no trace in the forward pass.
 * @example transformGradient(z, (g) => add(g, multiply(k, g))) // a gradient residual
 */
export function transformGradient(x: Value, transform: (gradient: Value) => Value): Value {
  return identity([x], (dy) => [transform(dy)]);
}
