import { type ErrorItem, TandemError } from '../../errors.ts';

const listed = 100;

/** Problems that are kept; of a table of millions of bad rows more are of no use. */
const maximumKept = 100_000;

/**
 * Gathers everything that is wrong with a dataset, so that all of it is fixed in one go.
 * @example
 * const problems = new Problems();
 * problems.add('metadata.csv row 12', 'no label');
 * const items = problems.list();
 */
export class Problems {
  readonly #items: ErrorItem[] = [];
  #count = 0;

  add(at: string, detail: string): void {
    this.#count++;
    if (this.#items.length < maximumKept) this.#items.push({ at, detail });
  }

  get count(): number {
    return this.#count;
  }

  /** All of them, or the first 100,000 that were found, in order of place. */
  list(): ErrorItem[] {
    return this.#items.toSorted((a, b) => byPlace.compare(a.at, b.at));
  }
}

/**
 * The error of a dataset that has problems, with the first 100 of them.
 * @param count how many there are, where not all are listed
 */
export function describeProblems(
  dataset: string,
  problems: readonly ErrorItem[],
  count = problems.length,
): TandemError {
  const counted = count === 1 ? '1 problem' : `${count} problems`;
  const cut = count > listed ? `; the first ${listed} are listed, ${count - listed} more are not` : '';
  return new TandemError('invalid-dataset', `${dataset} has ${counted}${cut}`, {
    items: problems.slice(0, listed),
  });
}

/** Row 2 comes before row 12. */
const byPlace = new Intl.Collator('en', { numeric: true });
