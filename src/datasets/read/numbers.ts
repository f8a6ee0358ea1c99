import type { FoundExample } from '../example.ts';
import type { Problems } from './problems.ts';
import { quote } from './quote.ts';

/** Heads answer in single precision: its squares must stay finite, and neighbouring numbers must stay apart. */
const largestNumber = 1e15;
const smallestRange = 1e-15;
const smallestRelativeRange = 2 ** -15;

type Labelled = Pick<FoundExample, 'at' | 'label'>;

/** Checks that labels are numbers that a head in single precision can say. */
export function checkNumbers(examples: readonly Labelled[], problems: Problems): void {
  for (const { at, label } of examples) {
    const value = Number(label);
    if (!Number.isFinite(value)) problems.add(at, `the label ${quote(label)} is not a number`);
    else if (Math.abs(value) > largestNumber)
      problems.add(
        at,
        `the number ${label} is larger than 1e15, which a head cannot say; write the numbers in another unit`,
      );
  }
}

/** Checks that such a head can tell the numbers from each other, and so learn them. */
export function checkRange(examples: readonly Labelled[], dataset: string, problems: Problems): void {
  const { least: low, most: high } = spreadOf(examples);
  const range = high - low;
  if (!(range > 0 && Number.isFinite(range))) return;
  if (range < smallestRange)
    problems.add(
      dataset,
      `the numbers differ by ${range} at most, which a head cannot say; write them in another unit`,
    );
  else if (range < smallestRelativeRange * Math.max(Math.abs(low), Math.abs(high)))
    problems.add(
      dataset,
      `the numbers all lie between ${low} and ${high}, too close together for their size to be told apart in single precision; subtract ${low} from each`,
    );
}

export interface NumberSpread {
  least: number;
  most: number;
  mean: number;
  /** How many different ones there are. */
  distinct: number;
}

/** How the labels spread, which are numbers; at least one. */
export function spreadOf(examples: readonly Pick<Labelled, 'label'>[]): NumberSpread {
  const distinct = new Set<number>();
  let [least, most, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const { label } of examples) {
    const value = Number(label);
    distinct.add(value);
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { least, most, mean: sum / examples.length, distinct: distinct.size };
}
