import { closest, columnHint } from '../../closest.ts';
import { columnsOf } from '../../modalities/content-columns.ts';
import { fittedModalities, modalityNames, pretrainedModalities } from '../../modalities/registry.ts';
import { quote, quoteSome } from '../../quote.ts';
import type { ReadNames } from '../example.ts';
import { addressColumnsIn, chooseColumns, flagOf } from './choose-columns.ts';
import type { DatasetReading } from './reading.ts';

/** The columns that are read of a table, where it has them. */
export function askedColumns({
  labelColumn,
  splitColumn = 'split',
  groupColumn,
  ...columns
}: ReadNames): string[] {
  const others = [labelColumn, splitColumn, groupColumn].filter((column) => column !== undefined);
  return [
    ...modalityNames.flatMap((name) => columnsOf(columns, name)),
    ...others.filter((each) => each !== null),
  ];
}

type CheckedReading = Pick<DatasetReading, 'columns' | 'named' | 'findings' | 'fetchFile'>;

/**
 * Checks what columns a table has: those that somebody named, a label, and content of some modality.
 * @param columns what the table has
 * @param file the table, as problems call it
 * @returns false where no row can be read
 */
export function checkColumns(
  { columns: names, named, findings, fetchFile }: CheckedReading,
  columns: readonly string[],
  file: string,
): boolean {
  if (columns.length === 0) {
    findings.addProblem(file, 'it has no rows');
    return false;
  }
  const known = new Set([...askedColumns(names), ...(names.ignoredColumns ?? [])]);
  const spare = columns.filter((column) => !known.has(column));
  const problems = [
    ...missingOf(names, named, columns, spare),
    ...misspeltOf(names, named, columns, spare),
    ...lateOf(names, named, columns, fetchFile !== undefined),
  ];
  const { labelColumn } = names;
  const found = `the columns are ${quoteSome(columns)}`;
  if (problems.length === 0) {
    if (!columns.includes(labelColumn)) problems.push(`there is no column ${quote(labelColumn)}; ${found}`);
    const ofContent = modalityNames.flatMap((name) => columnsOf(names, name));
    if (!ofContent.some((column) => columns.includes(column)))
      problems.push(
        `there is neither ${ofContent.map((column) => `a column ${quote(column)}`).join(' nor ')}; ${found}`,
      );
  }
  for (const problem of problems) findings.addProblem(file, problem);
  const unused = quoteSome(spare);
  if (unused) findings.addNotes(`${file}: not used: ${spare.length === 1 ? 'column' : 'columns'} ${unused}`);
  if (!fetchFile) findings.addNotes(...addressNotes(names, columns, spare).map((note) => `${file}: ${note}`));
  return problems.length === 0;
}

/** What to do for files that columns have the addresses of, where no column has the files. */
function addressNotes(names: ReadNames, columns: readonly string[], spare: readonly string[]): string[] {
  return pretrainedModalities.flatMap(({ name, noun }) => {
    if (columnsOf(names, name).some((column) => columns.includes(column))) return [];
    const own = quoteSome(addressColumnsIn(name, spare));
    return own
      ? [`${own} may have the address of ${noun}; --fetch-images of the command line downloads it`]
      : [];
  });
}

/** Columns that somebody named, which are not there. */
function missingOf(
  names: ReadNames,
  named: ReadonlySet<string>,
  columns: readonly string[],
  spare: readonly string[],
): string[] {
  const { labelColumn, splitColumn = 'split', groupColumn = '', ignoredColumns = [] } = names;
  const chosen: Record<string, readonly string[]> = {
    ...Object.fromEntries(pretrainedModalities.map(({ name }) => [`${name}Column`, columnsOf(names, name)])),
    ...Object.fromEntries(fittedModalities.map(({ name }) => [`${name}Columns`, columnsOf(names, name)])),
    labelColumn: [labelColumn],
    splitColumn: splitColumn === null ? [] : [splitColumn],
    groupColumn: [groupColumn],
    ignoredColumns,
  };
  return Object.entries(chosen)
    .flatMap(([field, own]) => (named.has(field) ? own : []))
    .filter((column) => !columns.includes(column))
    .map(
      (column) =>
        `there is no column ${quote(column)}; ${columnHint(column, spare, { all: columns, whose: 'the' })}`,
    );
}

/** Columns that nothing reads and whose name is nearly a default one that is missing. */
function misspeltOf(
  names: ReadNames,
  named: ReadonlySet<string>,
  columns: readonly string[],
  spare: readonly string[],
): string[] {
  const usual = [
    ...pretrainedModalities.map(({ name }) => [`${name}Column`, names[`${name}Column`]] as const),
    ['labelColumn', names.labelColumn] as const,
    ['splitColumn', names.splitColumn === undefined ? 'split' : names.splitColumn] as const,
  ];
  return usual.flatMap(([field, column]) => {
    if (named.has(field) || column === null || columns.includes(column)) return [];
    const own = closest(column, spare);
    if (own === undefined) return [];
    return `the column ${quote(own)} is not read; did you mean ${quote(column)}? Rename it, or name it with ${flagOf(field)} (over HTTP, ${field}), or leave it out with --ignored-columns`;
  });
}

/** Columns that would have been read, had they been in the first rows. */
function lateOf(
  names: ReadNames,
  named: ReadonlySet<string>,
  columns: readonly string[],
  fetches: boolean,
): string[] {
  const { guesses, problems } = chooseColumns(names, named, columns, { fetches });
  return [
    ...problems,
    ...guesses.map(
      ({ role, column }) =>
        `the column ${quote(column)} is not in the first rows; name it with ${flagOf(`${role}Column`)} (over HTTP, ${role}Column) to read it as the ${role}`,
    ),
  ];
}
