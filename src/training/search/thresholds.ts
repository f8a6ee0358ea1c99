import { countDecision, f1Of, noDecisions } from '../../evaluation/multi-label.ts';
import type { ItemProbabilities } from '../../heads/head.ts';
import { usualThreshold } from '../../heads/thresholds.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import { missing } from '../../targets/answer-family.ts';
import type { TruthTable } from '../../targets/truth-table.ts';

/** From which probability each label is given: in the answer from everything, and in that of each modality alone. */
export interface HeadThresholds {
  fused: number[];
  unimodal: Partial<Record<ModalityName, number[]>>;
}

/** With fewer positive examples than this a threshold of their own would be chance. */
const fewestPositives = 5;
/** Parts that the answers are divided into, so that a threshold is measured on what it was not chosen on. */
const parts = 5;

interface Answered {
  probability: number;
  isPositive: boolean;
}

/**
 * Chooses from which probability each label is given.
 * @param answers to examples that the head was not trained on, calibrated as the head will be
 * @example const { fused } = chooseHeadThresholds(answers, truth, ['image', 'text']);
 */
export function chooseHeadThresholds(
  answers: readonly ItemProbabilities[],
  { columns, values }: TruthTable,
  modalities: readonly ModalityName[],
): HeadThresholds {
  const choose = (answerOf: (answer: ItemProbabilities) => Float64Array | undefined) => {
    const rows = answers.flatMap((answer, row) => {
      const given = answerOf(answer);
      return given ? [{ given, truth: values.subarray(row * columns, (row + 1) * columns) }] : [];
    });
    return Array.from({ length: columns }, (_, label) =>
      chooseThreshold(
        rows.map(({ given, truth }) => ({
          probability: given[label] ?? missing,
          isPositive: (truth[label] ?? missing) > 0.5,
        })),
      ),
    );
  };
  const isComplete = ({ unimodal }: ItemProbabilities) => modalities.every((modality) => unimodal[modality]);
  return {
    fused: choose((answer) => (isComplete(answer) ? answer.fused : undefined)),
    unimodal: Object.fromEntries(
      modalities.map((modality) => [modality, choose(({ unimodal }) => unimodal[modality])]),
    ),
  };
}

/**
 * The probability from which giving a label makes the best F1 on these answers; 0.5 where that is as good on answers
 * that the threshold was not chosen on, or the label is rare.
 */
export function chooseThreshold(answers: readonly Answered[]): number {
  if (answers.filter(({ isPositive }) => isPositive).length < fewestPositives) return usualThreshold;
  const counts = { own: noDecisions(), usual: noDecisions() };
  // Each part holds its share of the positives, however the examples are ordered.
  const dealt = answers.toSorted((a, b) => Number(a.isPositive) - Number(b.isPositive));
  for (let part = 0; part < parts; part++) {
    const threshold = bestThreshold(dealt.filter((_, place) => place % parts !== part));
    for (const [place, { probability, isPositive }] of dealt.entries()) {
      if (place % parts !== part) continue;
      countDecision(counts.own, probability >= threshold, isPositive);
      countDecision(counts.usual, probability >= usualThreshold, isPositive);
    }
  }
  return f1Of(counts.own) > f1Of(counts.usual) ? bestThreshold(answers) : usualThreshold;
}

/**
 * The probability from which giving a label makes the best F1 on these answers, halfway to the next lower one, of those
 * that give it no more often than it occurs. Without that bound a label that is hard to tell would be given to nearly
 * every example: F1 rewards it, and people don't.
 * @returns 0.5 where no probability sets so few apart
 * @example bestThreshold([{ probability: 0.4, isPositive: true }, { probability: 0.2, isPositive: false }]) // 0.3
 */
export function bestThreshold(answers: readonly Answered[]): number {
  const ranked = answers.toSorted((a, b) => b.probability - a.probability);
  const positives = ranked.filter(({ isPositive }) => isPositive).length;
  let best = { f1: 0, threshold: usualThreshold };
  let found = 0;
  for (const [index, { probability, isPositive }] of ranked.entries()) {
    found += Number(isPositive);
    const next = ranked[index + 1]?.probability ?? -1;
    const reached = (2 * found) / (index + 1 + positives);
    // From here on it would be given more often than it occurs.
    if (index >= positives) break;
    if (next === probability || reached <= best.f1) continue;
    const middle = (probability + Math.max(next, 0)) / 2;
    best = { f1: reached, threshold: middle > next ? middle : probability };
  }
  return best.threshold;
}
