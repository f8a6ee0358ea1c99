import { columnsOf } from '../../modalities/content-columns.ts';
import {
  fittedModalities,
  type PretrainedName,
  pretrainedModalities,
  pretrainedNames,
} from '../../modalities/registry.ts';
import { quote } from '../../quote.ts';
import type { ReadNames } from '../example.ts';

/** What a column of a table is read as. */
export const columnRoles = [...pretrainedNames, 'label', 'split'] as const;
export type ColumnRole = (typeof columnRoles)[number];

/** A column that was found under another name than the default one. */
export interface ColumnGuess {
  /** The table, as problems call it. */
  file: string;
  role: ColumnRole;
  column: string;
}

/** A role, the option that names its column, the default name and others that people give it. */
interface Role {
  role: ColumnRole;
  field: 'labelColumn' | 'splitColumn' | `${PretrainedName}Column`;
  usual: string;
  others: readonly string[];
  addresses?: readonly string[];
}

const roles: readonly Role[] = [
  ...pretrainedModalities.map(
    ({ name, column, otherColumns, addressColumns }): Role => ({
      role: name,
      field: `${name}Column`,
      usual: column,
      others: otherColumns,
      addresses: addressColumns,
    }),
  ),
  {
    role: 'label',
    field: 'labelColumn',
    usual: 'label',
    others: ['label', 'labels', 'class', 'category'],
  },
  { role: 'split', field: 'splitColumn', usual: 'split', others: ['split'] },
];

/** The columns of a table as they are read, what of that was guessed, and what a person has to decide, in words. */
export interface ChosenColumns {
  names: ReadNames;
  guesses: Omit<ColumnGuess, 'file'>[];
  problems: string[];
}

/**
 * Finds the columns of a table that have other names than the default ones: `image` or `Photo` for the image, `caption` for
 * the text, `Class` for the label. Columns that somebody named are taken as they are.
 * @param named the names that were chosen
 * @param columns what the table has
 * @param options.fetches whether files are downloaded: `image_url` is found then
 * @example chooseColumns(usualColumns, new Set(), ['Image', 'class']).names.labelColumn // 'class'
 */
export function chooseColumns(
  asked: ReadNames,
  named: ReadonlySet<string>,
  columns: readonly string[],
  { fetches = false }: { fetches?: boolean } = {},
): ChosenColumns {
  const names = { ...asked };
  const guesses: ChosenColumns['guesses'] = [];
  const problems: string[] = [];
  const taken = new Set([
    ...fittedModalities.flatMap(({ name }) => columnsOf(asked, name)),
    ...(asked.ignoredColumns ?? []),
    ...roles.flatMap(({ field }) => asked[field] ?? []),
  ]);
  for (const { role, field, usual, others, addresses = [] } of roles) {
    const own = asked[field] ?? usual;
    const isClaimed =
      !!asked.ignoredColumns?.includes(own) ||
      roles.some((other) => other.field !== field && named.has(other.field) && asked[other.field] === own);
    if (named.has(field) || (!isClaimed && columns.includes(own))) continue;
    const called = (known: readonly string[]) =>
      columns.filter((column) => !taken.has(column) && known.includes(simplify(column)));
    const usually = called(others);
    const found = usually.length === 0 && fetches ? called(addresses) : usually;
    const [column, ...more] = found;
    if (column === undefined) {
      if (!isClaimed) continue;
      // Somebody uses the default name for something else.
      if (field !== 'labelColumn') names[field] = null;
      else
        problems.push(
          `no column has the label, since ${quote(own)} is read as something else; name it with --label-column (over HTTP, labelColumn)`,
        );
      continue;
    }
    if (more.length > 0) {
      const candidates = found.map(quote).join(' or ');
      problems.push(
        `which column has the ${role}: ${candidates}? Name it with ${flagOf(field)} (over HTTP, ${field})`,
      );
      continue;
    }
    taken.add(column);
    names[field] = column;
    guesses.push({ role, column });
  }
  return { names, guesses, problems };
}

/** @example flagOf('labelColumn') // '--label-column' */
export function flagOf(field: string): string {
  return `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What was guessed of a table, for people. */
export function describeGuesses(file: string, guesses: ChosenColumns['guesses']): string[] {
  if (guesses.length === 0) return [];
  const read = guesses.map(({ role, column }) => `${quote(column)} as the ${role}`).join(', ');
  const flags = guesses.map(({ role }) => flagOf(`${role}Column`)).join(', ');
  return [`${file}: read ${read}; to read another column, name it with ${flags}`];
}

/**
 * Columns that nothing reads and that would be read, were files downloaded.
 * @example addressColumnsIn('image', ['image_url', 'price']) // ['image_url']
 */
export function addressColumnsIn(name: PretrainedName, columns: readonly string[]): string[] {
  const { addresses = [] } = roles.find(({ role }) => role === name) ?? {};
  return columns.filter((column) => addresses.includes(simplify(column)));
}

function simplify(column: string): string {
  return column.toLowerCase().replaceAll(/[\s_-]/g, '');
}
