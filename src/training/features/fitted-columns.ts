import type { Dataset, Example } from '../../datasets/example.ts';
import { type ErrorItem, TandemError } from '../../errors.ts';
import { encodeFitted } from '../../heads/fitted.ts';
import type { HeadManifest } from '../../heads/manifest.ts';
import { type FittedName, fittedModalities, isFitted, type ModalityName } from '../../modalities/registry.ts';
import { type FeatureTable, type MemoryColumn, memoryColumn } from './feature-table.ts';

/** What fitted modalities are made features by: the rows to fit to, or what a head was fitted to before. */
export type Fitting = { rows: readonly number[] } | Pick<HeadManifest, 'encoders'>;

/**
 * Features of the fitted modalities that examples have.
 * @param wanted the modalities that there is to be a column of; default: all
 * @throws TandemError `invalid-dataset` naming each row whose values do not fit a head
 * @example const columns = fittedColumns(dataset, { rows: split.train });
 */
export function fittedColumns(
  { name: dataset, examples }: Dataset,
  fitting: Fitting,
  wanted?: readonly ModalityName[],
): MemoryColumn[] {
  const found = fittedModalities.flatMap((modality) => {
    const { name, dimensionOf } = modality;
    const references = examples.map(({ content }) => content[name]);
    if ((wanted && !wanted.includes(name)) || references.every((reference) => reference === undefined))
      return [];
    const fitted =
      'rows' in fitting ? modality.fit(references, fitting.rows) : specificationIn(fitting, name);
    if (fitted === undefined) return [];
    const dimension = dimensionOf(fitted);
    const present = Uint8Array.from(references, (reference) => Number(reference !== undefined));
    const { values, problems } = encodeRows(name, fitted, dimension, examples);
    return [{ column: memoryColumn({ modality: name, dimension, present, values, fitted }), problems }];
  });
  const problems = found.flatMap((each) => each.problems);
  if (problems.length === 0) return found.map(({ column }) => column);
  throw new TandemError('invalid-dataset', `${problems.length} rows of ${dataset} do not fit the head`, {
    items: problems.slice(0, 100),
  });
}

/**
 * A table whose fitted modalities are fitted to other rows: what only those have, such as a rare category, has a place of its
 * own then. Other columns stay as they are.
 * @throws TandemError as {@link fittedColumns}
 * @example const served = fittedTo(table, dataset, [...split.train, ...split.test]);
 */
export function fittedTo(table: FeatureTable, dataset: Dataset, rows: readonly number[]): FeatureTable {
  const own = table.columns.map(({ modality }) => modality).filter(isFitted);
  if (own.length === 0) return table;
  const fitted = fittedColumns(dataset, { rows }, own);
  const columns = table.columns.map(
    (column) => fitted.find(({ modality }) => modality === column.modality) ?? column,
  );
  return { ...table, columns };
}

/** Features [rows, dimension] of one modality, 0 where a row has none or it does not fit, and what does not fit. */
function encodeRows(
  name: FittedName,
  fitted: unknown,
  dimension: number,
  examples: readonly Example[],
): { values: Float32Array<ArrayBuffer>; problems: ErrorItem[] } {
  const values = new Float32Array(examples.length * dimension);
  const problems = examples.flatMap(({ row, content }, index): ErrorItem[] => {
    const reference = content[name];
    if (reference === undefined) return [];
    try {
      values.set(encodeFitted(name, fitted, reference), index * dimension);
      return [];
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      return [{ at: `row ${row}`, detail: error.message }];
    }
  });
  return { values, problems };
}

function specificationIn({ encoders }: Pick<HeadManifest, 'encoders'>, name: FittedName): unknown {
  return encoders.find(({ modality }) => modality === name)?.fitted;
}
