import type { ItemProbabilities } from '../heads/head.ts';
import { type Deciding, thresholdsOf } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import type { TruthTable } from '../targets/truth-table.ts';
import type { Metrics } from './metrics.ts';
import { evaluations } from './targets.ts';

/** Figures of the test split, which is read once, at the end: of the answers from everything, and from one modality. */
export interface AnswerMetrics {
  fused: Metrics;
  unimodal: Partial<Record<ModalityName, Metrics>>;
}

/**
 * Metrics of the fused answers, and of each modality's own over the examples that have it.
 * @param truth of the rows that were answered, in the same order
 * @param head whose thresholds decide, of any of several labels; 0.5 where absent
 */
export function measureAnswers(
  answers: readonly ItemProbabilities[],
  truth: TruthTable,
  head?: Deciding,
): AnswerMetrics {
  const { measure } = evaluations[truth.target];
  const ofModality = (modality: ModalityName): Metrics | undefined => {
    const known = [...answers.entries()].flatMap(([row, { unimodal }]) => {
      const answer = unimodal[modality];
      return answer ? [{ row, answer }] : [];
    });
    if (known.length === 0) return undefined;
    return measure(
      known.map(({ answer }) => answer),
      known.map(({ row }) => row),
      truth,
      head && (() => thresholdsOf(head, [modality])),
    );
  };
  return {
    fused: measure(
      answers.map(({ fused }) => fused),
      [...answers.keys()],
      truth,
      head && ((row) => thresholdsOf(head, modalitiesOf(itemAt(answers, row)))),
    ),
    unimodal: Object.fromEntries(
      modalityNames.flatMap((modality) => {
        const metrics = ofModality(modality);
        return metrics ? [[modality, metrics]] : [];
      }),
    ),
  };
}

/** The figures of the answers from everything, or from one modality. */
export function metricsFrom(
  { fused, unimodal }: AnswerMetrics,
  answersFrom: 'fused' | ModalityName,
): Metrics | undefined {
  return answersFrom === 'fused' ? fused : unimodal[answersFrom];
}

/** What an answer rests on. */
export function modalitiesOf({ unimodal }: ItemProbabilities): ModalityName[] {
  return Object.keys(unimodal) as ModalityName[];
}
