import { columnHint } from '../closest.ts';
import { describeGuesses, chooseColumns as findColumns } from '../datasets/read/choose-columns.ts';
import { TandemError } from '../errors.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import {
  type ContentColumns,
  columnsOf,
  contentColumns,
  type ReadColumns,
} from '../modalities/content-columns.ts';
import type { FittedColumn } from '../modalities/modality.ts';
import {
  fittedModalities,
  fittedOf,
  isFitted,
  type ModalityName,
  modalities,
  pretrainedNames,
} from '../modalities/registry.ts';
import { describeAmbiguous, type NumberNotation } from '../number-notation.ts';
import { quote, quoteSome } from '../quote.ts';
import { defaultTarget } from '../targets/target-kind.ts';
import type { AddedColumns } from './added-columns.ts';
import type { RowSource, Survey } from './source.ts';

/** Where the content is that a head takes. */
interface ChosenColumns {
  columns: ReadColumns;
  taken: ReadonlySet<ModalityName>;
  /** How those of them write numbers that the head takes numbers from, where it is not as JSON does. */
  notations: ReadonlyMap<string, NumberNotation>;
}

/**
 * The columns that a head's content is read from: those that are asked for, or the usual ones; values of further columns
 * from those that the head was trained on.
 * @param onNote told of a modality that the head takes and the table has not
 * @throws TandemError `invalid-request` where a column is asked for that the head has no use for; `invalid-dataset` where
 *   one is not there, or none of all
 */
export function columnsForHead(
  { name, version, encoders }: HeadManifest,
  { name: table }: RowSource,
  { columns: found, notations }: Survey,
  {
    asked,
    fetches,
    onNote,
  }: { asked: Partial<ContentColumns>; fetches?: boolean; onNote?(note: string): void },
): ChosenColumns {
  const taken = encoders.map(({ modality }) => modality);
  const fittedColumns = encoders.flatMap(({ modality, fitted }) =>
    isFitted(modality) ? [{ modality, columns: fittedOf(modality).columnsIn(fitted) }] : [],
  );
  const ofFitted = fittedColumns.map(({ modality, columns }) => [
    `${modality}Columns`,
    columns.map((column) => column.name),
  ]);
  const given = Object.entries(asked).filter(([, column]) => column !== undefined);
  const usual: ContentColumns = {
    ...contentColumns,
    ...Object.fromEntries(ofFitted),
    ...Object.fromEntries(given),
  };
  for (const [option] of given)
    if (!taken.some((modality) => option.startsWith(modality)))
      throw new TandemError(
        'invalid-request',
        `${option}: ${name}@${version} takes ${taken.join(' and ')} alone`,
      );
  const missing = given.flatMap(([, column]) => column ?? []).find((column) => !found.includes(column));
  if (missing !== undefined) throw noColumn(missing, table, found);
  const named = new Set(given.map(([option]) => option));
  const columns = guessColumns(usual, { named, taken, found, fetches, table, onNote });
  const present = taken.filter((modality) =>
    columnsOf(columns, modality).some((column) => found.includes(column)),
  );
  if (present.length === 0) {
    const expected = taken.flatMap((modality) => columnsOf(columns, modality)).map((column) => quote(column));
    throw new TandemError(
      'invalid-dataset',
      `${table} has no column ${expected.join(' and no column ')}; its columns are ${quoteSome(found)}`,
      { fix: 'Say which columns hold what: --image-column, --text-column, --table-columns.' },
    );
  }
  const lacking = modalities.filter(({ name }) => taken.includes(name) && !present.includes(name));
  for (const { name: modality } of lacking)
    onNote?.(
      `${table} has no column ${quoteSome(columnsOf(columns, modality))}: answers rest on ${present.join(' and ')} alone`,
    );
  for (const { name: modality } of fittedModalities.filter(({ name }) => present.includes(name))) {
    const absent = columnsOf(columns, modality).filter((column) => !found.includes(column));
    if (absent.length > 0)
      onNote?.(`${table} has no column ${quoteSome(absent)}: its values count as missing`);
  }
  const ofNumbers = fittedColumns.flatMap((each) => each.columns).filter(({ kind }) => kind === 'number');
  return {
    ...{ columns, taken: new Set(taken) },
    notations: notationsOf(ofNumbers, { table, notations, onNote }),
  };
}

/** @throws TandemError `invalid-dataset` where numbers of a column may be read in two ways */
function notationsOf(
  columns: readonly FittedColumn[],
  {
    table,
    notations,
    onNote,
  }: { table: string; notations: Survey['notations']; onNote?(note: string): void },
): Map<string, NumberNotation> {
  const used = new Map<string, NumberNotation>();
  for (const { name } of columns) {
    const found = notations?.get(name);
    if (typeof found === 'object')
      throw new TandemError('invalid-dataset', `${table}: ${describeAmbiguous(name, found.ambiguous)}`);
    if (found === undefined || found === 'plain') continue;
    used.set(name, found);
    const how = found === 'comma' ? 'a decimal comma' : 'a mark between thousands';
    onNote?.(`${table}: the numbers of ${quote(name)} are read with ${how}`);
  }
  return used;
}

/** The columns under the names that people give them, where nobody named them. */
function guessColumns(
  usual: ContentColumns,
  options: {
    named: ReadonlySet<string>;
    taken: readonly ModalityName[];
    found: readonly string[];
    fetches?: boolean;
    table: string;
    onNote?(note: string): void;
  },
): ReadColumns {
  const { named, taken, found, fetches, table, onNote } = options;
  const untaken = pretrainedNames.filter((name) => !taken.includes(name)).map((name) => `${name}Column`);
  const settled = new Set([...named, ...untaken, 'labelColumn', 'splitColumn']);
  const { names, guesses, problems } = findColumns({ ...ofLabels, ...usual }, settled, found, {
    fetches,
  });
  const [problem] = problems;
  if (problem !== undefined)
    throw new TandemError('invalid-dataset', `${table}: ${problem}`, {
      fix: 'Name the column that is meant.',
    });
  for (const note of describeGuesses(table, guesses)) onNote?.(note);
  return names;
}

/** How labels would be read, which nobody looks at here. */
const ofLabels = { labelColumn: 'label', target: defaultTarget, labelSeparator: '|' };

function noColumn(column: string, table: string, found: readonly string[]): TandemError {
  const advice = columnHint(column, found, { all: found, whose: 'its' });
  return new TandemError('invalid-dataset', `${table} has no column ${quote(column)}; ${advice}`, {
    fix: 'Name a column that is there.',
  });
}

/** @throws TandemError `output-conflict` where a column that is added is there already */
export function checkAdded({ names }: AddedColumns, { name }: RowSource, { columns }: Survey): void {
  const taken = names.find((column) => columns.includes(column));
  if (taken === undefined) return;
  throw new TandemError('output-conflict', `${name} has a column ${quote(taken)} already`, {
    fix: 'Name what is added another way with --prefix, such as --prefix new_.',
  });
}
