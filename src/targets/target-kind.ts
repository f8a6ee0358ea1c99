/** What a head learns to predict: one label, any of several labels, or numbers. */
export const targetKinds = ['single', 'multi', 'regression'] as const;
export type TargetKind = (typeof targetKinds)[number];

/** The default. */
export const defaultTarget: TargetKind = 'single';
