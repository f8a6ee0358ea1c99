import type { Dataset } from '../../datasets/example.ts';
import { type ErrorItem, TandemError } from '../../errors.ts';
import { encodeFitted } from '../../heads/fitted.ts';
import type { HeadManifest } from '../../heads/manifest.ts';
import { type FittedName, fittedModalities, type ModalityName } from '../../modalities/registry.ts';
import { type MemoryColumn, memoryColumn } from './feature-table.ts';

/** What fitted modalities are made features by: the rows to fit to, or what a head was fitted to before. */
export type Fitting = { rows: readonly number[] } | Pick<HeadManifest, 'encoders'>;

/**
 * Features of the fitted modalities that examples have.
 * @param only the one modality that there is to be a column of; default: all
 * @throws TandemError `invalid-dataset` naming each row whose values do not fit a head
 * @example const columns = fittedColumns(dataset, { rows: split.train });
 */
export function fittedColumns(
  { name: dataset, examples }: Dataset,
  fitting: Fitting,
  only?: ModalityName,
): MemoryColumn[] {
  const problems: ErrorItem[] = [];
  const columns = fittedModalities.flatMap((modality) => {
    const { name, dimensionOf } = modality;
    const references = examples.map(({ content }) => content[name]);
    if ((only !== undefined && only !== name) || references.every((reference) => reference === undefined))
      return [];
    const fitted =
      'rows' in fitting ? modality.fit(references, fitting.rows) : specificationIn(fitting, name);
    if (fitted === undefined) return [];
    const dimension = dimensionOf(fitted);
    const present = Uint8Array.from(references, (reference) => Number(reference !== undefined));
    const values = new Float32Array(examples.length * dimension);
    for (const [row, example] of examples.entries()) {
      const reference = example.content[name];
      if (reference === undefined) continue;
      try {
        values.set(encodeFitted(name, fitted, reference), row * dimension);
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
        problems.push({ at: `row ${example.row}`, detail: error.message });
      }
    }
    return [memoryColumn({ modality: name, dimension, present, values, fitted })];
  });
  if (problems.length === 0) return columns;
  throw new TandemError('invalid-dataset', `${problems.length} rows of ${dataset} do not fit the head`, {
    items: problems.slice(0, 100),
  });
}

function specificationIn({ encoders }: Pick<HeadManifest, 'encoders'>, name: FittedName): unknown {
  return encoders.find(({ modality }) => modality === name)?.fitted;
}
