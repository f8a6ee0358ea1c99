import { cast, log, multiply, negate } from '../graph/operations/elementwise.ts';
import { reshape } from '../graph/operations/layout.ts';
import { crossEntropy } from '../graph/operations/loss.ts';
import { softmax } from '../graph/operations/normalization.ts';
import { dot } from '../graph/operations/reduction.ts';
import { equal, pick, rowMaximum } from '../graph/operations/selection.ts';
import { itemAt, valueFor } from '../indexing.ts';
import { quote, shorten } from '../quote.ts';
import { readWrittenList } from '../written-list.ts';
import { oneLabel, smallestProbability } from './answer-family.ts';
import { surprise } from './entropy.ts';
import { distinctLabels, onlyTested } from './labels.ts';
import { meanOfProbabilities } from './mean-of-probabilities.ts';
import { byProbability } from './prediction.ts';
import { readOne } from './read-one.ts';
import { softmax as softmaxOfRow } from './softmax.ts';
import type { CheckOptions, ExampleWeights, LabelledExample, ReportProblem, Target } from './target.ts';
import { textOf } from './truth.ts';
import { type TruthTable, truthAt } from './truth-table.ts';

/** One of C labels: softmax. */
export const single = {
  kind: 'single',
  read(cell, options) {
    const read = readOne(cell, options);
    return 'problem' in read ? read : { class: read.text };
  },
  write: textOf,
  outputs: distinctLabels,
  exportColumn: () => 'label',
  describe: (truth) => `the label "${shorten(textOf(truth))}"`,
  check: checkLabels,
  tooRare,
  hints(truths, separator) {
    const labels = distinctLabels(truths);
    const joined = labels.find((label) => label.includes(separator) || readWrittenList(label));
    return [
      ...(lookLikeNumbers(labels) ? [numbersHint] : []),
      ...(joined === undefined
        ? []
        : [
            `the label ${quote(joined)} is taken as one; to learn several of an example, add --target multi (over HTTP, target)`,
          ]),
    ];
  },
  strata: (truths) => truths.map(textOf),
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
  activate: softmaxOfRow,
  entropy: (answer) => -answer.reduce((sum, p) => sum + p * Math.log(Math.max(p, smallestProbability)), 0),
  inGraph: {
    activate: softmax,
    entropy: surprise,
  },
  predict(answer, { labels, topK }) {
    const ranked = byProbability(answer);
    const named = (index: number) => ({ label: itemAt(labels, index), probability: itemAt(answer, index) });
    return { labels: ranked.slice(0, topK).map(named), confidence: itemAt(answer, itemAt(ranked, 0)) };
  },
  verdict(answer) {
    let [best, certainty] = [0, 0];
    for (const [index, probability] of answer.entries())
      if (probability > certainty) [best, certainty] = [index, probability];
    return { decision: String(best), certainty };
  },
  rightDecision: ({ values }, row) => String(itemAt(values, row)),
  encode(truths, labels) {
    const indexOf = new Map(labels.map((label, index) => [label, index]));
    return { columns: 1, values: Int32Array.from(truths, (truth) => valueFor(indexOf, textOf(truth))) };
  },
  prior(truth, rows, outputs) {
    const prior = new Float64Array(outputs);
    for (const row of rows) {
      const label = itemAt(truth.values, row);
      prior[label] = itemAt(prior, label) + 1 / rows.length;
    }
    return prior;
  },
  isTaught({ values }, by) {
    const taught = new Set(by.map((row) => values[row]));
    return (row) => taught.has(values[row]);
  },
  balancedWeights,
  answerModel: (truth) => ({
    target: 'single',
    family: oneLabel,
    fromAnswer: (probabilities) => probabilities.map((p) => Math.log(Math.max(p, smallestProbability))),
    toAnswer: oneLabel.expect,
    truthOf: (row) => truthAt(truth, row),
    lossFactor: 1,
  }),
  hasThresholds: false,
  variance: 'entropy',
  refused: [],
  describeAnswers: (outputs) => `${outputs} labels`,
} satisfies Target;

/** Fewer different numbers may well be the names of classes. */
const fewestNumbers = 10;

/** How to say that labels are numbers, where each is taken for the name of a class. */
const numbersHint =
  'every label is a number and taken for the name of a class; to learn numbers, add --target regression (over HTTP, target)';

function lookLikeNumbers(labels: readonly string[]): boolean {
  return labels.length >= fewestNumbers && labels.every((label) => /^-?\d*\.?\d+(e-?\d+)?$/i.test(label));
}

/** Two labels at least, and enough examples of each to both learn and test it. */
function checkLabels(
  examples: readonly LabelledExample[],
  dataset: string,
  report: ReportProblem,
  { keepsRareLabels = false }: CheckOptions = {},
): void {
  const byLabel = Map.groupBy(examples, ({ truth }) => textOf(truth));
  const labels = [...byLabel.keys()];
  if (labels.length === 1)
    report(dataset, `every example has the label "${shorten(itemAt(labels, 0))}"; two are needed`);
  const isLonely = byLabel.values().some(({ length }) => length === 1);
  if (isLonely && lookLikeNumbers(labels)) report(dataset, numbersHint);
  for (const [label, own] of byLabel) {
    if (own.length === 1 && !keepsRareLabels)
      report(
        itemAt(own, 0).at,
        `the only example of the label "${shorten(label)}"; a label needs at least 2 (--rare-labels drop leaves it out, keep trains on it; over HTTP, rareLabels)`,
      );
    else if (own.every(({ split }) => split === 'test')) report(`label "${shorten(label)}"`, onlyTested);
  }
}

/** Examples of labels that have one, or none to train on. */
function tooRare(examples: readonly LabelledExample[]): number[] {
  const byLabel = Map.groupBy(examples.keys(), (place) => textOf(itemAt(examples, place).truth));
  return [...byLabel.values()]
    .filter((own) => own.length === 1 || own.every((place) => itemAt(examples, place).split === 'test'))
    .flat();
}

/** Examples / (labels × examples of its label) (King and Zeng 2001). */
function balancedWeights({ values }: TruthTable): ExampleWeights {
  const counts = new Map<number, number>();
  for (const label of values) counts.set(label, (counts.get(label) ?? 0) + 1);
  return {
    columns: 1,
    values: Float32Array.from(values, (label) => values.length / (counts.size * valueFor(counts, label))),
  };
}
