import type { Classifier, ItemFeatures, ItemProbabilities } from '../inference/head.ts';
import type { Modality } from '../inference/prediction.ts';
import { evaluate } from './evaluation.ts';
import { type FeatureTable, rowOf } from './feature-table.ts';
import type { HeadMetrics, TrainingSummary } from './progress.ts';

const rowsPerRun = 1024;

/** What a head says of every row. */
export async function answerRows(
  classifier: Classifier,
  { columns, labels }: FeatureTable,
): Promise<ItemProbabilities[]> {
  const items = Array.from(labels, (_, row): ItemFeatures => {
    const present = columns.filter((column) => column.present[row] === 1);
    return Object.fromEntries(present.map((column) => [column.modality, rowOf(column, row)]));
  });
  const answers: ItemProbabilities[] = [];
  for (let first = 0; first < items.length; first += rowsPerRun)
    answers.push(...(await classifier.classify(items.slice(first, first + rowsPerRun))));
  return answers;
}

/** Metrics of the fused answers, and of each modality's own over the examples that have it. */
export function measureAnswers(
  answers: readonly ItemProbabilities[],
  labels: ArrayLike<number>,
): TrainingSummary['metrics'] {
  const ofModality = (modality: Modality): HeadMetrics | undefined => {
    const rows = answers.flatMap(({ unimodal }, row) => (unimodal[modality] ? [row] : []));
    if (rows.length === 0) return undefined;
    return evaluate(
      rows.map((row) => answers[row].unimodal[modality]!),
      rows.map((row) => labels[row]),
    );
  };
  const fused = evaluate(
    answers.map((answer) => answer.fused),
    labels,
  );
  return { fused, image: ofModality('image'), text: ofModality('text') };
}
