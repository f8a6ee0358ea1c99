/** How the cells of a column write numbers: as JSON does, with a decimal comma (`1.234,56`), or in groups (`1,234.56`). */
export type NumberNotation = 'plain' | 'comma' | 'groups';

/** What all cells of a column together show. */
export type FoundNotation =
  | NumberNotation
  /** A cell of it may be either of two numbers. */
  | { ambiguous: string }
  /** They are no numbers, or write them in several ways. */
  | undefined;

// Thousands may be set apart by blanks (French) or apostrophes (Swiss) in both, the same in all of a number.
const commaNumber = /^[+-]?(\d+|\d{1,3}(?:([. \u00a0\u202f'’])\d{3})(?:\2\d{3})*)(,\d+)?$/;
const groupedNumber = /^[+-]?(\d+|\d{1,3}(?:([, \u00a0\u202f'’])\d{3})(?:\2\d{3})*)(\.\d+)?$/;
const groupMarks = { comma: /[. \u00a0\u202f'’]/g, groups: /[, \u00a0\u202f'’]/g };

/** No number is longer. */
const mostCharacters = 64;

/** Of one column. */
class NotationTally {
  #isPlain = true;
  #isComma = true;
  #isGrouped = true;
  #either: string | undefined;

  /** Takes a cell into account. Whatever is no text says nothing. */
  add(cell: unknown): void {
    if (typeof cell !== 'string' || !(this.#isPlain || this.#isComma || this.#isGrouped)) return;
    const text = cell.trim();
    if (text === '') return;
    const isShort = text.length <= mostCharacters;
    const isPlain = isShort && numberIn(text) !== undefined;
    const isComma = isShort && commaNumber.test(text);
    const isGrouped = isPlain || (isShort && groupedNumber.test(text));
    this.#isPlain &&= isPlain;
    this.#isComma &&= isComma;
    this.#isGrouped &&= isGrouped;
    if (this.#either === undefined && isComma && isGrouped)
      if (writePlain(text, 'comma') !== (isPlain ? text : writePlain(text, 'groups'))) this.#either = text;
  }

  get found(): FoundNotation {
    if (this.#isPlain) return 'plain';
    if (this.#isComma && this.#isGrouped)
      return this.#either === undefined ? 'groups' : { ambiguous: this.#either };
    if (this.#isComma) return 'comma';
    return this.#isGrouped ? 'groups' : undefined;
  }

  /** Plain numbers that were other ones, would the table write a decimal comma elsewhere: `1.234`. */
  get suspect(): string | undefined {
    return this.#isPlain && this.#isComma ? this.#either : undefined;
  }
}

/**
 * Finds out how the columns of a table write their numbers. `1.234` beside `12,5` in its column is 1234; where another column has a
 * decimal comma it is ambiguous, and else 1.234.
 * @example
 * const tallies = new NotationTallies();
 * for (const price of ['950', '1.234,50', '12,5']) tallies.add(new Map([['price', price]]));
 * tallies.found().get('price'); // 'comma'
 */
export class NotationTallies {
  readonly #tallies = new Map<string, NotationTally>();

  /** Takes the cells of a row into account. */
  add(row: ReadonlyMap<string, unknown>): void {
    for (const [column, cell] of row) {
      const tally = this.#tallies.get(column) ?? new NotationTally();
      this.#tallies.set(column, tally);
      tally.add(cell);
    }
  }

  found(): Map<string, FoundNotation> {
    const hasComma = this.#tallies.values().some(({ found }) => found === 'comma');
    return new Map(
      this.#tallies.entries().map(([column, { found, suspect }]) => {
        const isSuspect = hasComma && suspect !== undefined;
        return [column, isSuspect ? { ambiguous: suspect } : found];
      }),
    );
  }
}

/**
 * A number of a notation as JSON writes it.
 * @example writePlain('1.234,50', 'comma') // '1234.50'
 */
export function writePlain(text: string, notation: NumberNotation): string {
  if (notation === 'plain') return text;
  const digits = text.replace(groupMarks[notation], '');
  return notation === 'comma' ? digits.replace(',', '.') : digits;
}

/** What is to be done about a column whose numbers may be read in two ways, in words. */
export function describeAmbiguous(column: string, cell: string): string {
  const [comma, grouped] = [writePlain(cell, 'comma'), writePlain(cell, 'groups')];
  return `the numbers of "${column}" can be read in two ways: ${JSON.stringify(cell)} is ${comma} or ${grouped}; write them with a point and without a mark between thousands`;
}

/** What a person should know of a column whose numbers are not as JSON writes them. */
export function describeNotation(column: string, cell: string, notation: NumberNotation): string {
  return `read the numbers of "${column}" ${notation === 'comma' ? 'with a decimal comma' : 'with a mark between thousands'}: ${JSON.stringify(cell)} is ${writePlain(cell, notation)}`;
}

/**
 * The number that a text is, written as JSON does or with a point at either end; undefined where it is none.
 * @example numberIn(' 12.50') // 12.5
 */
export function numberIn(text: string): number | undefined {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
}
