import { required } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import { targets } from '../targets/targets.ts';
import type { TruthTable } from '../targets/truth-table.ts';
import type { DecisionRule } from './accept.ts';
import type { ItemProbabilities } from './head.ts';
import type { HeadManifest } from './manifest.ts';
import type { Decision, UnsureReason } from './prediction.ts';
import { type Deciding, thresholdsOf } from './thresholds.ts';

/** How probable a modality's own answer is where it counts as sure. */
const sureAlone = 0.9;

/** What of an answer decides from which threshold on it is accepted. */
export interface Reliance {
  /** How probable it is that the answer is right. */
  certainty: number;
  /** Whether two modalities are each sure of another answer, by themselves. */
  isTorn: boolean;
}

/**
 * How far an answer can be relied on.
 * @returns undefined where answers are numbers
 */
export function relianceOf(
  { fused, unimodal }: ItemProbabilities,
  head: Deciding & Pick<HeadManifest, 'target'>,
): Reliance | undefined {
  const target = targets[head.target];
  if (!target.verdict) return undefined;
  const present = Object.keys(unimodal) as ModalityName[];
  const { certainty } = target.verdict(fused, () => thresholdsOf(head, present));
  const verdicts = present.map((modality) =>
    required(target.verdict, 'what the target decides')(
      required(unimodal[modality], `the answer to ${modality}`),
      () => thresholdsOf(head, [modality]),
    ),
  );
  const sure = verdicts.filter((verdict) => verdict.certainty >= sureAlone);
  const isTorn = new Set(sure.map(({ decision }) => decision)).size > 1;
  return { certainty, isTorn };
}

/**
 * Whether an answer decides what is true of a row of a table: the label, or each of several.
 * @returns undefined where answers are numbers
 * @example isRight(answer, head.manifest, table.truth, 7)
 */
export function isRight(
  { fused, unimodal }: ItemProbabilities,
  head: Deciding & Pick<HeadManifest, 'target'>,
  truth: TruthTable,
  row: number,
): boolean | undefined {
  const { verdict, rightDecision } = targets[head.target];
  if (!verdict || !rightDecision) return undefined;
  const present = Object.keys(unimodal) as ModalityName[];
  return verdict(fused, () => thresholdsOf(head, present)).decision === rightDecision(truth, row);
}

/**
 * Whether an answer is accepted, and why it is not.
 * @param unlike modalities of which the item resembles no training row
 * @example decide(answer, head.manifest, { threshold: 0.8 }, ['image']) // { decision: 'unsure', reasons: [{ reason: 'unlike-training', modality: 'image' }] }
 */
export function decide(
  answer: ItemProbabilities,
  head: Deciding & Pick<HeadManifest, 'target'>,
  { threshold }: DecisionRule,
  unlike: readonly ModalityName[],
): Decision {
  const reliance = relianceOf(answer, head);
  const isLow = reliance !== undefined && threshold !== undefined && reliance.certainty < threshold;
  const reasons: UnsureReason[] = [
    ...(isLow ? [{ reason: 'low-probability' } as const] : []),
    ...(reliance?.isTorn ? [{ reason: 'modalities-disagree' } as const] : []),
    ...unlike.map((modality) => ({ reason: 'unlike-training', modality }) as const),
  ];
  return { decision: reasons.length === 0 ? 'accepted' : 'unsure', reasons };
}
