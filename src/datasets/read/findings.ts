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
  readonly #ofRows: ErrorItem[] = [];
  readonly #badRows = new Set<string>();
  readonly #notes = new Set<string>();
  #count = 0;
  #countOfRows = 0;

  /** Adds what is wrong with the dataset as a whole. */
  addProblem(at: string, detail: string): void {
    this.#count++;
    if (this.#problems.length < maximumKept) this.#problems.push({ at, detail });
  }

  /**
   * Adds what is wrong with one row: without it the dataset can be used. What was just said of the same place is not said again.
   * @param row where the row stands, if that is not where the problem is
   */
  addRowProblem(at: string, detail: string, row = at): void {
    this.#badRows.add(row);
    const last = this.#ofRows.at(-1);
    if (row !== at && last?.at === at && last.detail === detail) return;
    this.#countOfRows++;
    if (this.#ofRows.length < maximumKept) this.#ofRows.push({ at, detail });
  }

  /** A note that is there already is not added again. */
  addNotes(...notes: readonly string[]): void {
    for (const note of notes) this.#notes.add(note);
  }

  get problemCount(): number {
    return this.#count + this.#countOfRows;
  }

  /** Whether nothing but rows keeps the dataset from being used. */
  get isOfRowsOnly(): boolean {
    return this.#count === 0 && this.#countOfRows > 0;
  }

  /** The places of the rows that cannot be used. */
  get badRows(): ReadonlySet<string> {
    return this.#badRows;
  }

  /** All problems, or the first 100,000 that were found, in order of place. */
  problems(): ErrorItem[] {
    return inOrder([...this.#problems, ...this.#ofRows]).slice(0, maximumKept);
  }

  /** Makes of the problems of rows what was left out with them, in order of place. */
  leaveOutBadRows(): ErrorItem[] {
    this.#countOfRows = 0;
    this.#badRows.clear();
    return inOrder(this.#ofRows.splice(0));
  }

  notes(): string[] {
    return [...this.#notes];
  }
}

function inOrder(problems: readonly ErrorItem[]): ErrorItem[] {
  return problems.toSorted((a, b) => byPlace.compare(a.at, b.at));
}

/** A dataset that has problems: its `items` are the first 100. */
export class DatasetProblems extends TandemError {
  /** All of them, or the first 100,000. */
  readonly problems: readonly ErrorItem[];

  constructor(detail: string, problems: readonly ErrorItem[]) {
    super('invalid-dataset', detail, { items: problems.slice(0, listed) });
    this.problems = problems;
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
): DatasetProblems {
  const counted = count === 1 ? '1 problem' : `${count} problems`;
  const cut = count > listed ? `; the first ${listed} are listed, ${count - listed} more are not` : '';
  return new DatasetProblems(`${dataset} has ${counted}${cut}`, problems);
}

/** Row 2 comes before row 12. */
const byPlace = new Intl.Collator('en', { numeric: true });
