import type { Value } from '../graph/value.ts';

/** Something for every parameter, by name: `adapter.<m>.…` belongs to modality m, `fusion.…` to all. */
export type Parameters<Content = Value> = Readonly<Record<string, Content>>;
