import { itemAt } from './indexing.ts';
import { quote, quoteSome } from './quote.ts';

/**
 * The candidate that a person most likely meant, or undefined where none is near: at most a third of the letters,
 * and never more than three, may differ.
 * @example closest('lable', ['label', 'text']); // 'label'
 */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  const plain = simplify(name);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain, simplify(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  const allowed = Math.min(3, Math.ceil(plain.length / 3));
  return best && best.distance <= allowed ? best.candidate : undefined;
}

/**
 * What to say after a table's lack of a column: the one that was meant, or those there are.
 * @param candidates what may have been meant
 * @example columnHint('lable', ['label', 'text'], { all: ['label', 'text'], whose: 'the' }) // 'did you mean "label"?'
 */
export function columnHint(
  column: string,
  candidates: readonly string[],
  { all, whose }: { all: readonly string[]; whose: 'its' | 'the' },
): string {
  const meant = closest(column, candidates);
  return meant === undefined ? `${whose} columns are ${quoteSome(all)}` : `did you mean ${quote(meant)}?`;
}

function simplify(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, '');
}

/** Levenshtein's distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = itemAt(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, itemAt(row, j) + 1, itemAt(next, j - 1) + 1));
    }
    row = next;
  }
  return itemAt(row, b.length);
}
