import { type ErrorItem, TandemError } from '../../errors.ts';

const listed = 100;

/** Problems that are kept; of a table of millions of bad rows more are of no use. */
const maximumKept = 100_000;

/**
 * Gathers everything that is wrong with a dataset, so that all of it is fixed in one go, and what is worth telling.
 * @example
 * const findings = new Findings();
 * findings.addProblem('metadata.csv row 12', 'no label');
 * const items = findings.problems();
 */
export class Findings {
  readonly #problems: ErrorItem[] = [];
  readonly #notes: string[] = [];
  #problemCount = 0;

  addProblem(at: string, detail: string): void {
    this.#problemCount++;
    if (this.#problems.length < maximumKept) this.#problems.push({ at, detail });
  }

  addNotes(...notes: readonly string[]): void {
    this.#notes.push(...notes);
  }

  get problemCount(): number {
    return this.#problemCount;
  }

  /** All problems, or the first 100,000 that were found, in order of place. */
  problems(): ErrorItem[] {
    return this.#problems.toSorted((a, b) => byPlace.compare(a.at, b.at));
  }

  notes(): string[] {
    return [...this.#notes];
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
