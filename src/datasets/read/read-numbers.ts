import { columnsOf } from '../../modalities/content-columns.ts';
import { fittedModalities } from '../../modalities/registry.ts';
import {
  describeAmbiguous,
  describeNotation,
  NotationTallies,
  type NumberNotation,
  writePlain,
} from '../../number-notation.ts';
import { targets } from '../../targets/targets.ts';
import type { ReadNames } from '../example.ts';
import type { Findings } from './findings.ts';
import type { TableRow } from './table-row.ts';

/**
 * Brings the numbers of a table to the form that JSON has, in place, where all cells of a column show which they are:
 * `1.234,56` becomes `1234.56`. What may be one of two numbers is a problem.
 * @param name the table, as problems call it
 * @returns false where there is such a problem
 */
export function readNumbers(
  rows: readonly TableRow[],
  columns: ReadNames,
  { name, findings }: { name: string; findings: Findings },
): boolean {
  const asked = columnsOfNumbers(columns);
  if (asked.length === 0) return true;
  const tallies = new NotationTallies();
  for (const { values } of rows) tallies.add(new Map(asked.map((column) => [column, values.get(column)])));
  let isClear = true;
  for (const [column, found] of tallies.found())
    if (typeof found === 'object') {
      isClear = false;
      findings.addProblem(name, describeAmbiguous(column, found.ambiguous));
    } else if (found === 'comma' || found === 'groups') {
      const first = rewrite(rows, column, found);
      findings.addNotes(`${name}: ${describeNotation(column, first, found)}`);
    }
  return isClear;
}

/** @returns the first number that is written another way now */
function rewrite(rows: readonly TableRow[], column: string, notation: NumberNotation): string {
  let first = '';
  for (const { values } of rows) {
    const cell = values.get(column);
    if (typeof cell !== 'string') continue;
    const text = cell.trim();
    const plain = writePlain(text, notation);
    if (plain === text) continue;
    first ||= text;
    values.set(column, plain);
  }
  return first;
}

/** The columns that may hold numbers. */
function columnsOfNumbers(columns: ReadNames): string[] {
  const fitted = fittedModalities.flatMap(({ name }) => columnsOf(columns, name));
  return targets[columns.target].spread ? [columns.labelColumn, ...fitted] : fitted;
}
