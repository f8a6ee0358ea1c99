import { scale, sumOf } from '../graph/operations/elementwise.ts';
import { squaredError } from '../graph/operations/loss.ts';
import type { Target } from './target.ts';

/** Numbers: what the logits are. */
export const regression: Target = {
  kind: 'regression',
  loss: {
    truth: { type: 'float32', shape: (rows, columns) => [rows, columns] },
    judge: (logits, truth, { weights } = {}) => ({
      ...squaredError(logits, truth, { weights }),
      predictions: logits,
    }),
    average: (unimodal) => scale(sumOf(unimodal), 1 / unimodal.length),
  },
};
