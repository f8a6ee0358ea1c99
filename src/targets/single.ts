import { cast, log, multiply, negate } from '../graph/operations/elementwise.ts';
import { reshape } from '../graph/operations/layout.ts';
import { crossEntropy } from '../graph/operations/loss.ts';
import { softmax } from '../graph/operations/normalization.ts';
import { dot } from '../graph/operations/reduction.ts';
import { equal, pick, rowMaximum } from '../graph/operations/selection.ts';
import { itemAt } from '../indexing.ts';
import { meanOfProbabilities } from './mean-of-probabilities.ts';
import type { Target } from './target.ts';

/** One of C labels: softmax. */
export const single: Target = {
  kind: 'single',
  loss: {
    truth: { type: 'int32', shape: (rows) => [rows] },
    judge(logits, truth, options = {}) {
      const { logProbabilities, probabilities, loss, perRow } = crossEntropy(logits, truth, options);
      const { weights } = options;
      const weighted = weights ? multiply(probabilities, weights) : probabilities;
      return { loss, perRow, predictions: probabilities, entropy: negate(dot(weighted, logProbabilities)) };
    },
    average: (unimodal) => log(meanOfProbabilities(unimodal.map(softmax))),
    // No index of the largest is looked for: that costs as much as three passes of the loss.
    right(logits, truth) {
      const isLargest = equal(pick(logits, truth), rowMaximum(logits));
      return reshape(cast(isLargest, 'float32'), [itemAt(logits.shape, 0)]);
    },
  },
};
