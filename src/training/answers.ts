import type { Classifier, ItemFeatures, ItemProbabilities } from '../inference/head.ts';
import type { Modality } from '../inference/prediction.ts';
import { evaluate } from './evaluation.ts';
import type { FeatureTable } from './feature-table.ts';
import type { HeadMetrics, TrainingSummary } from './progress.ts';

const rowsPerRun = 1024;

/** What a head says of every row. */
export async function answerRows(
  classifier: Classifier,
  { columns, labels }: FeatureTable,
): Promise<ItemProbabilities[]> {
  const answers: ItemProbabilities[] = [];
  for (let first = 0; first < labels.length; first += rowsPerRun) {
    const rows = Int32Array.from(
      { length: Math.min(rowsPerRun, labels.length - first) },
      (_, row) => first + row,
    );
    const features = await Promise.all(
      columns.map(async ({ modality, dimension, present, read }) => {
        const values = new Float32Array(rows.length * dimension);
        await read(rows, values);
        return {
          modality,
          at: (index: number) => values.subarray(index * dimension, (index + 1) * dimension),
          present,
        };
      }),
    );
    const items = Array.from(rows, (row, index): ItemFeatures => {
      const has = features.filter(({ present }) => present[row] === 1);
      return Object.fromEntries(has.map(({ modality, at }) => [modality, at(index)]));
    });
    answers.push(...(await classifier.classify(items)));
  }
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
