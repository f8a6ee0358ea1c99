import { scale, sumOf } from '../graph/operations/elementwise.ts';
import { squaredError } from '../graph/operations/loss.ts';
import { itemAt } from '../indexing.ts';
import { quote } from '../quote.ts';
import { type AnswerModel, numbers } from './answer-family.ts';
import { meanOfRows } from './mean-of-rows.ts';
import { spreadOf } from './number-spread.ts';
import { fitOutputScaling } from './output-scaling.ts';
import { readOne } from './read-one.ts';
import type { LabelledExample, ReportProblem, Target } from './target.ts';
import { numberOf, type Truth } from './truth.ts';
import type { TruthTable } from './truth-table.ts';

/** Heads answer in single precision: its squares must stay finite, and neighbouring numbers must stay apart. */
const largestNumber = 1e15;
const smallestRange = 1e-15;
const smallestRelativeRange = 2 ** -15;

/** Parts that numbers are sorted into, so that both sides of a split hold small and large ones. */
const quantiles = 10;

/** Numbers: what the logits are. */
export const regression = {
  kind: 'regression',
  read(cell, options) {
    const read = readOne(cell, options);
    if ('problem' in read) return read;
    const value = Number(read.text);
    if (read.text.trim() === '' || !Number.isFinite(value))
      return { problem: `${options.name} is ${quote(read.text)}, not a number` };
    if (Math.abs(value) > largestNumber)
      return {
        problem: `the number ${read.text} is larger than 1e15, which a head cannot say; write the numbers in another unit`,
      };
    return { values: [value] };
  },
  write: numberOf,
  outputs: (_, column) => [column],
  exportColumn: (outputs) => itemAt(outputs, 0),
  describe: (truth) => `the number ${numberOf(truth)}`,
  check: checkRange,
  hints: () => [],
  spread: spreadOf,
  strata: quantilesOf,
  loss: {
    truth: { type: 'float32', shape: (rows, columns) => [rows, columns] },
    judge: (logits, truth, { weights } = {}) => ({
      ...squaredError(logits, truth, { weights }),
      predictions: logits,
    }),
    average: (unimodal) => scale(sumOf(unimodal), 1 / unimodal.length),
  },
  activate: (logits) => Float64Array.from(logits),
  inGraph: { activate: (logits) => logits },
  encode: (truths) => ({ columns: 1, values: Float64Array.from(truths, numberOf) }),
  prior: meanOfRows,
  isTaught: () => () => true,
  outputScaling: fitOutputScaling,
  answerModel: poolingOfNumbers,
  hasThresholds: false,
  // Numbers have no entropy.
  variance: 'dropout',
  refused: [
    {
      setting: 'classWeights',
      value: 'balanced',
      why: 'numbers have no classes to weigh; leave the class weights out',
    },
    { setting: 'variance', value: 'entropy', why: 'numbers have no entropy; leave it out, or take dropout' },
  ],
  predict(answer, { radius }) {
    const value = itemAt(answer, 0);
    const interval = radius === undefined ? undefined : { low: value - radius, high: value + radius };
    return { labels: [], value, ...(interval && { interval }) };
  },
  distance: (answer, { values }, row) => Math.abs(itemAt(answer, 0) - itemAt(values, row)),
  describeAnswers: () => 'numbers',
} satisfies Target;

/** Numbers that differ, and that a head can tell from each other. */
function checkRange(examples: readonly LabelledExample[], dataset: string, report: ReportProblem): void {
  const { least, most, distinct } = spreadOf(examples.map(({ truth }) => truth));
  const range = most - least;
  if (distinct === 1)
    report(dataset, `every example has the same number, "${least}"; there is nothing to learn`);
  else if (range < smallestRange)
    report(
      dataset,
      `the numbers differ by ${range} at most, which a head cannot say; write them in another unit`,
    );
  else if (range < smallestRelativeRange * Math.max(Math.abs(least), Math.abs(most)))
    report(
      dataset,
      `the numbers all lie between ${least} and ${most}, too close together for their size to be told apart in single precision; subtract ${least} from each`,
    );
}

/** The tenth of each number. */
function quantilesOf(truths: readonly Truth[]): string[] {
  const numbers = truths.map(numberOf);
  const order = [...numbers.keys()].sort((a, b) => itemAt(numbers, a) - itemAt(numbers, b));
  const strata = new Array<string>(numbers.length);
  for (const [rank, row] of order.entries())
    strata[row] = String(Math.floor((rank * Math.min(quantiles, numbers.length / 2)) / numbers.length));
  return strata;
}

/** Weights are of deviations from the mean, as in head.onnx: without a say an answer is the mean. */
function poolingOfNumbers({ values }: TruthTable): AnswerModel {
  const { mean, deviation } = fitOutputScaling({ columns: 1, values });
  const [centre, spread] = [itemAt(mean, 0), itemAt(deviation, 0)];
  const standardise = (value: number) => (value - centre) / spread;
  return {
    target: 'regression',
    family: numbers,
    fromAnswer: (answer) => answer.map(standardise),
    toAnswer: (pooled) => pooled.map((value) => value * spread + centre),
    truthOf: (row) => [standardise(itemAt(values, row))],
    lossFactor: 2 * spread ** 2,
  };
}
