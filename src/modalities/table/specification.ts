import { z } from 'zod';
import { quote } from '../../quote.ts';
import { presentValues, type TableValues, tableBounds } from './values.ts';

const columnName = z.string().min(1).max(tableBounds.name);
const numberColumn = z.strictObject({
  name: columnName,
  kind: z.literal('number'),
  /** Of the training rows that have it; deviation 0 where it never changes. */
  mean: z.number(),
  deviation: z.number().nonnegative(),
});
const categoryColumn = z.strictObject({
  name: columnName,
  kind: z.literal('category'),
  /** Those that have a place of their own; any other is the unknown one. */
  categories: z
    .array(z.string().max(tableBounds.text))
    .max(tableBounds.categories)
    .refine(areDistinct, 'a category is there twice'),
});

/** What turns the values of columns into features; it is fitted to the training rows, and the head keeps it. */
export const tableSpecification = z.strictObject({
  columns: z
    .array(z.discriminatedUnion('kind', [numberColumn, categoryColumn]))
    .min(1)
    .max(tableBounds.columns)
    .refine((columns) => areDistinct(columns.map(({ name }) => name)), 'a column is there twice'),
});

export type TableSpecification = z.infer<typeof tableSpecification>;
type Column = TableSpecification['columns'][number];

/** A category that is rarer than this in training says less than that it is rare. */
const fewestOfCategory = 2;

/**
 * Fits the features of columns. Which there are, and whether each holds numbers, is seen in all rows; means, deviations
 * and categories in the training rows alone.
 * @param references of all rows; undefined where a row has none of the columns
 * @param training the rows to fit to
 * @throws Error where there are more columns than a head can have, or none
 * @example fitTable([{ price: 10 }, { price: 30 }], [0, 1]).columns // [{ name: 'price', kind: 'number', mean: 20, deviation: 10 }]
 */
export function fitTable(
  references: readonly (TableValues | undefined)[],
  training: readonly number[],
): TableSpecification {
  const isNumber = new Map<string, boolean>();
  for (const values of references)
    for (const [name, value] of presentValues(values ?? {}))
      isNumber.set(name, (isNumber.get(name) ?? true) && typeof value === 'number');
  const columns = [...isNumber.keys()].sort().map((name): Column => {
    const values = training.flatMap((row) => {
      const all = references[row];
      return all && Object.hasOwn(all, name) ? (all[name] ?? []) : [];
    });
    return isNumber.get(name)
      ? { name, kind: 'number', ...spreadOf(values.map(Number)) }
      : { name, kind: 'category', categories: commonest(values.map(String)) };
  });
  return tableSpecification.parse({ columns });
}

/** Welford's, so that nothing cancels where numbers are large and near each other. */
function spreadOf(values: readonly number[]): { mean: number; deviation: number } {
  let mean = 0;
  let squares = 0;
  for (const [index, value] of values.entries()) {
    const difference = value - mean;
    mean += difference / (index + 1);
    squares += difference * (value - mean);
  }
  return { mean, deviation: values.length === 0 ? 0 : Math.sqrt(squares / values.length) };
}

/** The categories that have a place of their own, in order of code units. */
function commonest(values: readonly string[]): string[] {
  return [...Map.groupBy(values, (value) => value)]
    .filter(([, { length }]) => length >= fewestOfCategory)
    .sort(([a, { length: ofA }], [b, { length: ofB }]) => ofB - ofA || (a < b ? -1 : 1))
    .slice(0, tableBounds.categories)
    .map(([category]) => category)
    .sort();
}

/** Features of a number: it standardised, and whether it is missing. Of a category: one for each, and the unknown one. */
export function columnWidth(column: Column): number {
  return column.kind === 'number' ? 2 : column.categories.length + 1;
}

/** @example tableDimension({ columns: [{ name: 'price', kind: 'number', mean: 20, deviation: 10 }] }) // 2 */
export function tableDimension({ columns }: TableSpecification): number {
  return columns.reduce((sum, column) => sum + columnWidth(column), 0);
}

/** A column's name as messages show it. */
export function namesOf({ columns }: TableSpecification): string {
  return columns.map(({ name }) => quote(name)).join(', ');
}

function areDistinct(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}
