/** What can be classified. A request may carry either or both. */
export const modalities = ['image', 'text'] as const;
export type Modality = (typeof modalities)[number];
