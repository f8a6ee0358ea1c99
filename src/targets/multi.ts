import {
  add,
  cast,
  log,
  multiply,
  negate,
  scale,
  sigmoid,
  softplus,
  subtract,
} from '../graph/operations/elementwise.ts';
import { binaryCrossEntropy } from '../graph/operations/loss.ts';
import { mean, sum } from '../graph/operations/reduction.ts';
import { equal, greater } from '../graph/operations/selection.ts';
import { constant } from '../graph/value.ts';
import { meanOfProbabilities } from './mean-of-probabilities.ts';
import type { Target } from './target.ts';

/** Any of C labels, each by itself: sigmoids. Label smoothing ε moves every target by ε/2 towards the middle. */
export const multi: Target = {
  kind: 'multi',
  loss: {
    truth: { type: 'float32', shape: (rows, columns) => [rows, columns] },
    judge(logits, truth, { weights, smoothing = 0 } = {}) {
      const { perRow, probabilities } = binaryCrossEntropy(logits, truth);
      const smoothed = smoothing === 0 ? truth : add(scale(truth, 1 - smoothing), constant(smoothing / 2));
      const { loss } = binaryCrossEntropy(logits, smoothed, { weights });
      const cells = subtract(softplus(logits), multiply(probabilities, logits));
      const entropy = sum(weights ? multiply(cells, weights) : cells);
      return { loss, perRow, predictions: probabilities, entropy };
    },
    average: (unimodal) =>
      subtract(
        log(meanOfProbabilities(unimodal.map(sigmoid))),
        log(meanOfProbabilities(unimodal.map((logits) => sigmoid(negate(logits))))),
      ),
    right(logits, truth) {
      const chosen = cast(greater(logits, constant(0)), 'int32');
      const wanted = cast(greater(truth, constant(0.5)), 'int32');
      return mean(cast(equal(chosen, wanted), 'float32'), [1]);
    },
  },
};
