import { atLeast, log, multiply, negate } from '../graph/operations/elementwise.ts';
import { sum } from '../graph/operations/reduction.ts';
import type { Value } from '../graph/value.ts';
import { smallestProbability } from './answer-family.ts';

/** `-Σ p ln p` of each row of probabilities [n, C], in nats: [n, 1]. */
export function surprise(probabilities: Value): Value {
  const logs = log(atLeast(probabilities, smallestProbability));
  return negate(sum(multiply(probabilities, logs), [1], { keepAxes: true }));
}
