import type { Example } from './example.ts';

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
  /** The most frequent first. */
  labels: { label: string; examples: number }[];
}

/** @example countExamples(dataset.examples).labels[0] // { label: 'cat', examples: 120 } */
export function countExamples(examples: readonly Example[]): DatasetCounts {
  const having = (test: (example: Example) => unknown) => examples.filter(test).length;
  const byLabel = Map.groupBy(examples, ({ label }) => label);
  return {
    examples: examples.length,
    images: having(({ image }) => image !== undefined),
    texts: having(({ text }) => text !== undefined),
    distinctImages: new Set(examples.flatMap(({ imageHash }) => imageHash ?? [])).size,
    train: having(({ split }) => split === 'train'),
    test: having(({ split }) => split === 'test'),
    labels: [...byLabel]
      .map(([label, { length }]) => ({ label, examples: length }))
      .sort((a, b) => b.examples - a.examples || (a.label < b.label ? -1 : 1)),
  };
}
