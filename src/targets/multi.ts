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
import { itemAt, valueFor } from '../indexing.ts';
import { shorten } from '../quote.ts';
import { readWrittenList } from '../written-list.ts';
import { severalLabels, smallestProbability } from './answer-family.ts';
import { surprise as surpriseOf } from './entropy.ts';
import { distinctLabels, labelLimits, onlyTested, problemOfLabel } from './labels.ts';
import { meanOfProbabilities } from './mean-of-probabilities.ts';
import { meanOfRows } from './mean-of-rows.ts';
import { byProbability } from './prediction.ts';
import type {
  Cell,
  CellOptions,
  ExampleWeights,
  LabelledExample,
  Problem,
  ReportProblem,
  Target,
} from './target.ts';
import { keyOf, labelsOf, type Truth, textOf } from './truth.ts';
import { type TruthTable, truthAt } from './truth-table.ts';

/** Any of C labels, each by itself: sigmoids. Label smoothing ε moves every target by ε/2 towards the middle. */
export const multi = {
  kind: 'multi',
  read: readLabels,
  write: (truth) => [...labelsOf(truth)],
  outputs: distinctLabels,
  exportColumn: () => 'label',
  describe: (truth) => `the labels "${shorten(textOf(truth))}"`,
  check: checkLabels,
  hints: () => [],
  strata: rarestLabels,
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
  activate: (logits) => Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit))),
  entropy: (answer) => answer.reduce((sum, p) => sum + surprise(p) + surprise(1 - p), 0),
  inGraph: {
    activate: sigmoid,
    entropy: (answer) => add(surpriseOf(answer), surpriseOf(subtract(constant(1), answer))),
  },
  predict(answer, { labels, topK, thresholds }) {
    const ranked = byProbability(answer);
    const own = thresholds();
    const isGiven = (index: number) => itemAt(answer, index) >= itemAt(own, index);
    const named = (index: number) => ({
      label: itemAt(labels, index),
      probability: itemAt(answer, index),
      given: isGiven(index),
    });
    return {
      labels: ranked.filter((index, place) => place < topK || isGiven(index)).map(named),
      confidence: itemAt(answer, itemAt(ranked, 0)),
    };
  },
  // Labels are taken as independent, as the head does.
  verdict(answer, thresholds) {
    const own = thresholds();
    const given = [...answer.keys()].filter((index) => itemAt(answer, index) >= itemAt(own, index));
    const isGiven = new Set(given);
    const certainty = answer.reduce((all, p, index) => all * (isGiven.has(index) ? p : 1 - p), 1);
    return { decision: given.join(), certainty };
  },
  rightDecision(truth, row) {
    const own = truthAt(truth, row);
    return Array.from({ length: truth.columns }, (_, index) => index)
      .filter((index) => itemAt(own, index) > 0.5)
      .join();
  },
  encode(truths, labels) {
    const columns = labels.length;
    const indexOf = new Map(labels.map((label, index) => [label, index]));
    const values = new Float32Array(truths.length * columns);
    for (const [row, truth] of truths.entries())
      for (const label of labelsOf(truth)) values[row * columns + valueFor(indexOf, label)] = 1;
    return { columns, values };
  },
  prior: meanOfRows,
  isTaught: () => () => true,
  balancedWeights,
  answerModel: (truth) => ({
    target: 'multi',
    family: severalLabels,
    fromAnswer: (probabilities) =>
      probabilities.map(
        (p) => Math.log(Math.max(p, smallestProbability)) - Math.log(Math.max(1 - p, smallestProbability)),
      ),
    toAnswer: severalLabels.expect,
    truthOf: (row) => truthAt(truth, row),
    lossFactor: 1 / truth.columns,
  }),
  hasThresholds: true,
  variance: 'entropy',
  refused: [],
  describeAnswers: (outputs) => `${outputs} labels`,
} satisfies Target;

/** A list is its labels, whatever is in them; a text has the separator between them. No label at all is fine. */
/** Labels with a separator between them, or a list as it is written into CSV. */
function textsIn(cell: string, separator: string): string[] {
  const list = readWrittenList(cell);
  if (list?.every((item) => typeof item === 'string' || typeof item === 'number')) return list.map(String);
  return cell.normalize('NFC').split(separator);
}

function readLabels(cell: Cell, { name, separator }: CellOptions): Truth | Problem {
  if (cell === null) return { problem: `the value of ${name} is neither text nor a number` };
  const texts = typeof cell === 'string' ? textsIn(cell, separator) : cell;
  const labels = new Set<string>();
  for (const text of texts) {
    if (text === null) return { problem: `an item of ${name} is neither text nor a number` };
    const label = text.normalize('NFC').trim();
    if (label !== '') labels.add(label);
  }
  if (labels.size > labelLimits.labelsOfExample)
    return { problem: `there are ${labels.size} labels; ${labelLimits.labelsOfExample} are the limit` };
  const problem = labels.values().map(problemOfLabel).find(Boolean);
  return problem === undefined ? { classes: [...labels].sort() } : { problem };
}

/** Something to tell apart, and an example of each label to learn it from. */
function checkLabels(examples: readonly LabelledExample[], dataset: string, report: ReportProblem): void {
  if (new Set(examples.map(({ truth }) => keyOf(truth))).size === 1)
    report(
      dataset,
      `every example has the same labels, "${shorten(textOf(itemAt(examples, 0).truth))}"; there is nothing to learn`,
    );
  const trained = new Set<string>();
  const all = new Set<string>();
  for (const { truth, split } of examples)
    for (const label of labelsOf(truth)) {
      all.add(label);
      if (split !== 'test') trained.add(label);
    }
  for (const label of all) if (!trained.has(label)) report(`label "${shorten(label)}"`, onlyTested);
}

/** Of each example the label that the fewest have; empty where it has none. */
function rarestLabels(truths: readonly Truth[]): string[] {
  const counts = new Map<string, number>();
  const countOf = (label: string) => counts.get(label) ?? 0;
  for (const truth of truths) for (const label of labelsOf(truth)) counts.set(label, countOf(label) + 1);
  return truths.map((truth) => labelsOf(truth).toSorted((a, b) => countOf(a) - countOf(b))[0] ?? '');
}

/** Label by label: the examples that have it count as much in all as those that lack it (King and Zeng 2001). */
function balancedWeights({ columns, values }: TruthTable): ExampleWeights {
  const rows = values.length / columns;
  const positives = new Float64Array(columns);
  for (const [index, value] of values.entries()) {
    const column = index % columns;
    positives[column] = itemAt(positives, column) + Number(value > 0.5);
  }
  return {
    columns,
    values: Float32Array.from(values, (value, index) => {
      const positive = itemAt(positives, index % columns);
      return rows / (2 * (value > 0.5 ? positive : rows - positive));
    }),
  };
}

/** `-p log p`. */
function surprise(p: number): number {
  return -p * Math.log(Math.max(p, smallestProbability));
}
