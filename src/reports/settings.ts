import { z } from 'zod';
import type { HeadManifest } from '../heads/manifest.ts';
import { targets } from '../targets/targets.ts';

/** What the charts need of a recipe. A manifest holds recipes of other versions too, so nothing is taken for granted. */
export interface TrainingSettings {
  strategy?: string;
  /** What stood for the variance: entropy or dropout. */
  variance?: string;
  clipNorm?: number;
  /** Steps of warm-up. */
  warmUp: number;
}

const recipeSchema = z.object({
  strategy: z.string().optional().catch(undefined),
  variance: z.string().optional().catch(undefined),
  clipNorm: z.number().optional().catch(undefined),
  warmUpShare: z.number().catch(0),
});

export function settingsOf({ training, target }: HeadManifest, steps: number): TrainingSettings {
  const { strategy, variance, clipNorm, warmUpShare } = recipeSchema.parse(training.recipe);
  return {
    strategy,
    variance: targets[target].variance === 'dropout' ? 'dropout' : variance,
    clipNorm,
    warmUp: strategy === 'joint' ? 0 : Math.round(warmUpShare * steps),
  };
}
