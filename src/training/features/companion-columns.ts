import type { Example } from '../../datasets/example.ts';
import type { Head } from '../../heads/head.ts';
import { itemAt } from '../../indexing.ts';
import type { Input, OpenCompanion } from '../../modalities/modality.ts';
import { type PretrainedName, pretrainedModalities, pretrainedOf } from '../../modalities/registry.ts';
import type { ColumnCompanion, CompanionColumn, FeatureColumn } from './feature-table.ts';

/** Features of more bytes are made again whenever they are read. */
const mostBytesKept = 256 * 2 ** 20;

/**
 * The encoders' columns, each with what may stand beside it: to be fitted to training rows, or a head's.
 * @param head absent where a head is to be trained
 * @example const columns = withCompanions(table.columns, dataset);
 */
export function withCompanions<Column extends FeatureColumn>(
  columns: readonly Column[],
  { examples }: { examples: readonly Pick<Example, 'content'>[] },
  head?: Pick<Head, 'companions'>,
): Column[] {
  return columns.map((column) => {
    const modality = pretrainedModalities.find(({ name }) => name === column.modality);
    if (!modality?.companion) return column;
    const { name, companion } = modality;
    const inputs = examples.map(({ content }) => inputIn(name, content[name]));
    const companionOf = (open: OpenCompanion<Input>, fitted?: Uint8Array): CompanionColumn => ({
      ...{ modality: name, id: companion.id, dimension: open.dimension, fitted },
      read: readerOf(inputs, open),
    });
    const ofHead = head?.companions[name];
    if (head && !ofHead) return column;
    const beside: ColumnCompanion = {
      fitTo(rows) {
        if (ofHead) return companionOf(ofHead);
        const known = rows.flatMap((row) => inputs[row] ?? []);
        const fitted = companion.fit(known);
        return fitted && companionOf(companion.open(fitted), fitted);
      },
    };
    return { ...column, companion: beside };
  });
}

function inputIn(name: PretrainedName, reference: unknown): Input | undefined {
  return reference === undefined ? undefined : pretrainedOf(name).inputOf(reference);
}

/** Makes the features of rows when they are read; zeros of a row that has no input. */
function readerOf(
  inputs: readonly (Input | undefined)[],
  { dimension, encode }: OpenCompanion<Input>,
): FeatureColumn['read'] {
  const isKept = 4 * dimension * inputs.length <= mostBytesKept;
  const kept = isKept ? new Map<number, Float32Array>() : undefined;
  return async (rows, into) => {
    for (let index = 0; index < rows.length; index++) {
      const row = itemAt(rows, index);
      const input = inputs[row];
      const known = kept?.get(row);
      const features = known ?? (input === undefined ? new Float32Array(dimension) : encode(input));
      if (!known) kept?.set(row, features);
      into.set(features, index * dimension);
    }
  };
}
