import { z } from 'zod';
import type { FittedModality, Omission } from '../modality.ts';
import { settleColumns } from './columns.ts';
import { openTable } from './encode.ts';
import { fitTable, type TableSpecification, tableDimension, tableSpecification } from './specification.ts';
import { presentValues, type TableValues, tableBounds, tableValues } from './values.ts';

/** A column of an item, and its value. */
const tablePart = z.object({ column: z.string(), value: z.union([z.string(), z.number()]) });
type TablePart = z.infer<typeof tablePart>;

const stored = z.record(z.string(), z.union([z.string(), z.number()]));

/** Numbers and categories of further columns. Nothing pretrained knows them: their features are fitted to the training rows. */
export const table: FittedModality<
  'table',
  TableValues,
  z.infer<typeof stored>,
  TableSpecification,
  TablePart
> = {
  name: 'table',
  given: tableValues,
  noun: 'values of a table',
  id: 'columns',
  mostColumns: tableBounds.columns,
  fromCells(cells) {
    const values = [...cells].filter(([, text]) => text !== '');
    return values.length === 0 ? undefined : Object.fromEntries(values);
  },
  settle: settleColumns,
  identityOf: (values) => JSON.stringify(sorted(values)),
  // Many examples have the same brand and price, and are no copies of each other.
  likenessOf: () => undefined,
  subjectOf: () => 'its values',
  stored,
  store: sorted,
  restore: (values) => values,
  cellsOf: (values) => values,
  isEmpty: (values) => presentValues(values).length === 0,
  part: tablePart,
  namePart: ({ column, value }) => `${column} ${value}`,
  omit: omitColumns,
  specification: tableSpecification,
  fit: fitTable,
  columnsIn: ({ columns }) => columns.map(({ name, kind }) => ({ name, kind })),
  dimensionOf: tableDimension,
  open: openTable,
};

/** The values that are there, columns in order of code units. */
function sorted(values: TableValues): Record<string, string | number> {
  return Object.fromEntries(presentValues(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The columns that have a value, and the values without each. */
function omitColumns(values: TableValues): Omission<TablePart, TableValues>[] {
  const present = presentValues(values);
  return present.map(([column, value]) => ({
    part: { column, value },
    without: () =>
      present.length > 1 ? Object.fromEntries(present.filter(([other]) => other !== column)) : undefined,
  }));
}
