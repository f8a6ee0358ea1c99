import type { Dataset } from '../datasets/example.ts';
import { itemAt } from '../indexing.ts';
import { encodeTruths } from '../targets/encode-truths.ts';
import { keyOf, type Truth } from '../targets/truth.ts';
import { pairedInterval } from './intervals.ts';
import { fewestDiscordant, mcnemar } from './mcnemar.ts';
import { figureNamed, type Metrics } from './metrics.ts';
import { pairedBootstrap } from './paired-bootstrap.ts';
import { evaluations, type TargetEvaluation } from './targets.ts';

/** A figure of both on the same rows. */
export interface PairedFigure {
  name: string;
  first: number;
  second: number;
  /** The second's less the first's. */
  difference: number;
  /** 95 % interval of the difference. */
  interval: [low: number, high: number];
  /** `no difference` where the interval covers zero, or too few rows were answered differently to tell. */
  verdict: 'the first is better' | 'the second is better' | 'no difference';
}

/** An example that the two give different labels. */
export interface Disagreement {
  row: number;
  truth: Truth;
  first: Truth;
  second: Truth;
}

export interface PairedAnswers {
  figures: PairedFigure[];
  /** How many examples which of them gets right; absent where the answers are numbers. */
  right?: { both: number; onlyFirst: number; onlySecond: number; neither: number };
  /** p of McNemar's exact test that both are right equally often; absent where the answers are numbers. */
  mcnemar?: number;
  /** Absent where the answers are numbers, which always differ. */
  disagreements?: { count: number; rows: Disagreement[] };
}

/** A head, and what it answered for each example of a dataset. */
export interface Answered {
  labels: readonly string[];
  answers: readonly Float64Array[];
  /** Of any of several labels: the probability from which each is given in the answer to a row; 0.5 where absent. */
  thresholdsOf?(row: number): readonly number[];
}

/** Disagreements that are listed; all of them are counted. */
const listed = 1000;
/** Figures that only which labels are given decides, not how likely they are said to be. */
const madeOfDecisions = new Set(['accuracy', 'subsetAccuracy', 'microF1', 'macroF1']);

/**
 * Compares two heads by what they answered for the same examples. The share of right answers gets the interval of
 * Agresti and Min, every other figure one by resampling.
 * @example comparePairedAnswers(dataset, first, second).figures[0].verdict;
 */
export function comparePairedAnswers(dataset: Dataset, first: Answered, second: Answered): PairedAnswers {
  const { target, examples } = dataset;
  const { titles, decide } = evaluations[target];
  const [measureFirst, measureSecond] = [measurer(dataset, first), measurer(dataset, second)];
  const all = [...examples.keys()];
  const [ours, theirs] = [measureFirst(all), measureSecond(all)];
  const decisions = decide && compareDecisions(dataset, first, second, decide);
  const resampled = pairedBootstrap(
    examples.length,
    (rows) => {
      const [a, b] = [measureFirst(rows), measureSecond(rows)];
      return titles.map(({ name }) => figureNamed(name, b) - figureNamed(name, a));
    },
    { columns: encodeTruths(dataset).truth.columns },
  );
  const figures = titles.map(({ name, isShare, moreIsBetter }, index): PairedFigure => {
    const [a, b] = [figureNamed(name, ours), figureNamed(name, theirs)];
    const interval =
      isShare && decisions
        ? pairedInterval(decisions.right.onlySecond, decisions.right.onlyFirst, examples.length)
        : itemAt(resampled, index);
    // Samples of too few differing rows nearly all hold one of them: the interval would be too narrow.
    const differing =
      decisions && madeOfDecisions.has(name) ? decisions.disagreements.count : examples.length;
    return {
      name,
      first: a,
      second: b,
      difference: b - a,
      interval,
      verdict: differing < fewestDiscordant ? 'no difference' : judge(interval, moreIsBetter),
    };
  });
  return { figures, ...decisions };
}

function judge([low, high]: PairedFigure['interval'], moreIsBetter: boolean): PairedFigure['verdict'] {
  if (low <= 0 && high >= 0) return 'no difference';
  return low > 0 === moreIsBetter ? 'the second is better' : 'the first is better';
}

/** What measures a head on some rows, which may hold a row several times. */
function measurer(
  dataset: Dataset,
  { labels, answers, thresholdsOf }: Answered,
): (rows: readonly number[]) => Metrics {
  const { truth } = encodeTruths({ ...dataset, labels });
  const { measure } = evaluations[dataset.target];
  return (rows) =>
    measure(
      rows.map((row) => itemAt(answers, row)),
      rows,
      truth,
      thresholdsOf,
    );
}

function compareDecisions(
  { examples }: Dataset,
  first: Answered,
  second: Answered,
  decide: NonNullable<TargetEvaluation['decide']>,
) {
  const right = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
  const rows: Disagreement[] = [];
  let count = 0;
  for (const [index, { row, truth }] of examples.entries()) {
    const predicted = ({ labels, answers, thresholdsOf }: Answered) =>
      decide(itemAt(answers, index), labels, thresholdsOf?.(index));
    const [ours, theirs] = [predicted(first), predicted(second)];
    const [key, ourKey, theirKey] = [keyOf(truth), keyOf(ours), keyOf(theirs)];
    if (ourKey === key) right[theirKey === key ? 'both' : 'onlyFirst']++;
    else right[theirKey === key ? 'onlySecond' : 'neither']++;
    if (ourKey === theirKey) continue;
    count++;
    if (rows.length < listed) rows.push({ row, truth, first: ours, second: theirs });
  }
  return { right, mcnemar: mcnemar(right.onlyFirst, right.onlySecond), disagreements: { count, rows } };
}
