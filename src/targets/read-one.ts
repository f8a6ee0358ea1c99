import { problemOfLabel } from './labels.ts';
import type { Cell, CellOptions, Problem } from './target.ts';

/** The text of a cell that must hold exactly one, or what is wrong with it. */
export function readOne(cell: Cell, { name }: CellOptions): { text: string } | Problem {
  if (typeof cell !== 'string') return { problem: `the value of ${name} is neither text nor a number` };
  const text = cell.normalize('NFC');
  const problem = problemOfLabel(text) ?? (text === '' ? `no label: ${name} is empty` : undefined);
  return problem === undefined ? { text } : { problem };
}
