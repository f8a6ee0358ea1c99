import { type ErrorItem, TandemError } from '../../errors.ts';

const listed = 100;

/**
 * Gathers everything that is wrong with a dataset, so that a person mends it in one go.
 * @example
 * const problems = new Problems();
 * problems.add('metadata.csv row 12', 'no label');
 * problems.throwIfAny('pets');
 */
export class Problems {
  readonly #items: ErrorItem[] = [];

  add(at: string, detail: string): void {
    this.#items.push({ at, detail });
  }

  /** @throws TandemError `invalid-dataset` with the first 100 problems in order of place, where there is one */
  throwIfAny(dataset: string): void {
    const count = this.#items.length;
    if (count === 0) return;
    const problems = count === 1 ? '1 problem' : `${count} problems`;
    const cut = count > listed ? `; the first ${listed} are listed, ${count - listed} more are not` : '';
    const items = this.#items.sort((a, b) => byPlace.compare(a.at, b.at)).slice(0, listed);
    throw new TandemError('invalid-dataset', `${dataset} has ${problems}${cut}`, { items });
  }
}

/** Row 2 comes before row 12. */
const byPlace = new Intl.Collator('en', { numeric: true });
