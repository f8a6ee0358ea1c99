import { ownLabels } from '../targets/labels-in.ts';
import type { ColumnNames, Example } from './example.ts';
import { type NumberSpread, spreadOf } from './read/numbers.ts';

/** How much of what a dataset holds. */
export interface DatasetCounts {
  examples: number;
  /** Examples that have a picture, and those that have a text. */
  images: number;
  texts: number;
  /** Different pictures, byte for byte. */
  distinctImages: number;
  /** Examples that the dataset itself puts on a side. */
  train: number;
  test: number;
  /** The most frequent first; an example may have several. None where numbers are to be learnt. */
  labels: { label: string; examples: number }[];
  /** Where numbers are to be learnt. */
  numbers?: NumberSpread;
}

/** @example countExamples(dataset.examples, dataset).labels[0] // { label: 'cat', examples: 120 } */
export function countExamples(
  examples: readonly Example[],
  reading: Pick<ColumnNames, 'target' | 'labelSeparator'>,
): DatasetCounts {
  const having = (test: (example: Example) => unknown) => examples.filter(test).length;
  const isNumbers = reading.target === 'regression';
  const labels = isNumbers ? [] : examples.flatMap(({ label }) => ownLabels(label, reading));
  return {
    examples: examples.length,
    images: having(({ image }) => image !== undefined),
    texts: having(({ text }) => text !== undefined),
    distinctImages: new Set(examples.flatMap(({ imageHash }) => imageHash ?? [])).size,
    train: having(({ split }) => split === 'train'),
    test: having(({ split }) => split === 'test'),
    labels: [...Map.groupBy(labels, (label) => label)]
      .map(([label, { length }]) => ({ label, examples: length }))
      .sort((a, b) => b.examples - a.examples || (a.label < b.label ? -1 : 1)),
    ...(isNumbers && examples.length > 0 && { numbers: spreadOf(examples) }),
  };
}
