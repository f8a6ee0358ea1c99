import { multi } from './multi.ts';
import { regression } from './regression.ts';
import { single } from './single.ts';
import type { Target } from './target.ts';
import type { TargetKind } from './target-kind.ts';

/** The targets by name. @example targets.multi.describe({ classes: ['big', 'red'] }) // 'the labels "big, red"' */
export const targets: Readonly<Record<TargetKind, Target>> = { single, multi, regression };
