import { TandemError } from '../errors.ts';
import type { Reliance } from '../heads/decision.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { Acceptance } from '../heads/registry/acceptance.ts';
import { shareInterval } from './intervals.ts';

/** How far the answer to a held-out row can be relied on, and whether it is right. */
export interface JudgedRow extends Reliance {
  /** Nothing of the training resembles it: it is never accepted. */
  isUnlike: boolean;
  isRight: boolean;
}

export type Coverage = HeadManifest['coverage'] & {};
export type CoveragePoint = Coverage['points'][number];

/** Thresholds that are told apart at most. */
const mostPoints = 200;
/** Accepted rows that an accuracy is stated of at least. */
const fewestAccepted = 10;

/**
 * How many rows are accepted from a threshold on, and how many of these are right, from the highest threshold to the lowest.
 * @param rows held-out ones, one or more
 * @example coverageOf(rows).points.at(-1) // all rows that anything accepts: { threshold: 0.21, accepted: 270, right: 233 }
 */
export function coverageOf(rows: readonly JudgedRow[]): Coverage {
  const distinct = [...new Set(rows.map(({ certainty }) => certainty))].sort((a, b) => b - a);
  const stride = Math.max(1, distinct.length / mostPoints);
  const thresholds = distinct.filter(
    (_, index) =>
      index === distinct.length - 1 || Math.floor(index / stride) !== Math.floor((index - 1) / stride),
  );
  return {
    rows: rows.length,
    points: thresholds.map((threshold) => {
      const accepted = rows.filter(
        ({ certainty, isTorn, isUnlike }) => certainty >= threshold && !isTorn && !isUnlike,
      );
      const right = accepted.filter(({ isRight }) => isRight).length;
      return { threshold, accepted: accepted.length, right };
    }),
  };
}

/** The points with enough accepted rows to state an accuracy of. */
export function statedPoints({ points }: Coverage): CoveragePoint[] {
  return points.filter(({ accepted }) => accepted >= fewestAccepted);
}

/**
 * The lowest threshold from which the accepted answers are right often enough on the held-out rows: by the lower end of the
 * 95 % interval of their accuracy, or, where no threshold reaches that, by the accuracy itself.
 * @returns undefined where no threshold reaches it
 * @example findAcceptance(manifest.coverage, 0.95) // { accuracy: 0.95, threshold: 0.81, reachedBy: 'interval', … }
 */
export function findAcceptance(coverage: Coverage, accuracy: number): Acceptance | undefined {
  const enough = statedPoints(coverage);
  const found = (reachedBy: Acceptance['reachedBy'], reached: (point: CoveragePoint) => number) => {
    const point = enough.findLast((each) => reached(each) >= accuracy);
    return point && { accuracy, ...point, reachedBy, rows: coverage.rows };
  };
  return (
    found('interval', ({ right, accepted }) => shareInterval(right, accepted)[0]) ??
    found('estimate', ({ right, accepted }) => right / accepted)
  );
}

/** The highest accuracy that some threshold reaches; undefined where too few rows were held out. */
export function highestAccuracy(coverage: Coverage): number | undefined {
  const reached = statedPoints(coverage).map(({ accepted, right }) => right / accepted);
  return reached.length === 0 ? undefined : Math.max(...reached);
}

/**
 * The acceptance of a version that is registered.
 * @throws TandemError `invalid-request` where no threshold reaches the accuracy, or the version keeps nothing to find one by
 */
export function acceptanceFor({ name, version, coverage }: HeadManifest, accuracy: number): Acceptance {
  const refuse = (why: string): never => {
    throw new TandemError('invalid-request', `${name}@${version} ${why}`);
  };
  if (!coverage) return refuse('keeps no coverage of its held-out rows; train it again to have one');
  const highest = highestAccuracy(coverage);
  if (highest === undefined)
    return refuse(`was measured on ${coverage.rows} rows, too few to find a threshold on`);
  return (
    findAcceptance(coverage, accuracy) ??
    refuse(
      `reaches an accuracy of ${accuracy} at no threshold; the highest is ${highest.toFixed(3)} on its ${coverage.rows} held-out rows`,
    )
  );
}
