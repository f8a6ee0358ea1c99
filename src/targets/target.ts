import type { TargetLoss } from '../arl/target-loss.ts';

/** What a head learns to predict: one label, any of several labels, or numbers. */
export const targetKinds = ['single', 'multi', 'regression'] as const;
export type TargetKind = (typeof targetKinds)[number];

/** Everything that differs between the kinds of targets. */
export interface Target {
  readonly kind: TargetKind;
  readonly loss: TargetLoss;
}
