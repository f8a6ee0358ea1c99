import { z } from 'zod';

/** Values of some columns: a number, a category, or null where it is missing; so is a column that is left out. */
export type TableValues = Readonly<Record<string, string | number | null>>;

/** What no table of prices and brands needs and only a broken or hostile one has. */
export const tableBounds = {
  columns: 32,
  /** Characters of a column's name. */
  name: 200,
  /** Characters of a category. */
  text: 100,
  /** Categories of a column that a head tells apart; the rarer ones are one together. */
  categories: 256,
  /** Characters of all values as JSON. */
  json: 65_536,
  /** The size of a number: larger ones cannot be told apart by a head. */
  number: 1e15,
} as const;

const value = z.union(
  [z.number(), z.string().max(tableBounds.text), z.null()],
  `it must be a number, a text of at most ${tableBounds.text} characters, or null`,
);

/** Values as a request, or code, gives them. Columns are counted before they are looked at. */
export const tableValues: z.ZodType<TableValues> = z.preprocess(
  (values, context) => {
    if (typeof values !== 'object' || values === null) return values;
    if (Object.keys(values).length <= tableBounds.columns) return values;
    context.addIssue({ code: 'custom', message: `there are more than ${tableBounds.columns} columns` });
    return z.NEVER;
  },
  z.record(z.string().max(tableBounds.name), value),
);

/** The same as JSON in one text, whose length is looked at before it is parsed. */
export const tableText = z
  .string()
  .max(tableBounds.json, `it has more than ${tableBounds.json} characters`)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'it is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(tableValues);

/**
 * The values that are there, by column.
 * @example presentValues({ price: 12, brand: null }) // [['price', 12]]
 */
export function presentValues(values: TableValues): [column: string, value: string | number][] {
  return Object.entries(values).flatMap(([column, value]): [string, string | number][] =>
    value === null || value === undefined || isBlank(value) ? [] : [[column, value]],
  );
}

function isBlank(value: string | number): boolean {
  return typeof value === 'string' && value.trim() === '';
}
