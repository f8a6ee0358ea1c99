import { type ContentCounts, countContent } from '../modalities/content-counts.ts';
import type { NumberSpread } from '../targets/number-spread.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import { labelsOf } from '../targets/truth.ts';
import type { Example } from './example.ts';

/** How much of what a dataset holds. */
export interface DatasetCounts {
  examples: number;
  content: ContentCounts;
  /** Examples that the dataset itself puts on a side. */
  train: number;
  test: number;
  /** The most frequent first; an example may have several. None where numbers are to be learnt. */
  labels: { label: string; examples: number }[];
  /** Where numbers are to be learnt. */
  numbers?: NumberSpread;
}

/** @example countExamples(dataset.examples, dataset.target).labels[0] // { label: 'cat', examples: 120 } */
export function countExamples(examples: readonly Example[], target: TargetKind): DatasetCounts {
  const having = (test: (example: Example) => unknown) => examples.filter(test).length;
  const truths = examples.map(({ truth }) => truth);
  const numbers = examples.length > 0 ? targets[target].spread?.(truths) : undefined;
  return {
    examples: examples.length,
    content: countContent(examples.map(({ content }) => content)),
    train: having(({ split }) => split === 'train'),
    test: having(({ split }) => split === 'test'),
    labels: [...Map.groupBy(truths.flatMap(labelsOf), (label) => label)]
      .map(([label, { length }]) => ({ label, examples: length }))
      .sort((a, b) => b.examples - a.examples || (a.label < b.label ? -1 : 1)),
    ...(numbers && { numbers }),
  };
}
