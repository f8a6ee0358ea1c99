import { print, table } from '../../src/cli/output.ts';

/** Counts by row and column, printed as a table at the end. */
export class Tally {
  readonly #title: string;
  readonly #rows = new Map<string, Map<string, number>>();

  constructor(title: string) {
    this.#title = title;
  }

  add(row: string, column: string, count = 1): void {
    const columns = this.#rows.get(row) ?? new Map<string, number>();
    columns.set(column, (columns.get(column) ?? 0) + count);
    this.#rows.set(row, columns);
  }

  print(): void {
    if (this.#rows.size === 0) return;
    const columns = [...new Set([...this.#rows.values()].flatMap((row) => [...row.keys()]))];
    const rows = [...this.#rows].map(([name, counts]) => [
      name,
      ...columns.map((column) => String(counts.get(column) ?? 0)),
    ]);
    print(`\n${table([[this.#title, ...columns], ...rows])}`);
  }
}
