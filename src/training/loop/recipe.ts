import type { AdapterForm } from '../../arl/architecture.ts';
import { type FusionName, fusions } from '../../arl/fusion.ts';
import type { VarianceProxy } from '../../arl/objective.ts';
import { type StrategyName, strategies } from '../../arl/strategy.ts';
import { TandemError } from '../../errors.ts';
import type { OptimizerSettings } from '../../graph/optimizer.ts';
import { type ModalityName, modalityNames } from '../../modalities/registry.ts';
import type { TargetKind } from '../../targets/target-kind.ts';
import { targets } from '../../targets/targets.ts';

/** Everything about a training but its data and its seed. It is written into the head, so that it can be repeated. */
export interface Recipe {
  strategy: StrategyName;
  /** The one modality that the head is to know, where it is to know one of several. */
  modality?: ModalityName;
  /** The modality that reached most alone, where the strategy ranks them. Measured, never chosen. */
  dominant?: ModalityName;
  fusion: FusionName;
  adapter: AdapterForm;
  /** h, the length of the adapters' outputs. */
  hidden: number;
  /** Share of the features that are dropped before the adapters. */
  dropout: number;
  /** Norm that a standardised feature row is brought to, whatever its length. */
  featureNorm: number;
  /** γ, the weight of the auxiliary losses after the warm-up. */
  gamma: number;
  /** Label smoothing ε. */
  smoothing: number;
  /** H, what stands for the variance of a modality. */
  variance: VarianceProxy;
  /** T of the softmax over modalities. */
  temperature: number;
  /** `balanced`: every label counts the same in all, however rare (see `balancedWeights`). */
  classWeights: 'none' | 'balanced';
  /**
   * Whether features of the characters of texts stand beside the text encoder's: `auto` where cross-validation finds that
   * they pay, and not without it.
   */
  lexical: 'auto' | 'on' | 'off';
  /** Share of the steps with γ = 1 and no gradient residual. Epochs would be wrong: small sets end before five. */
  warmUpShare: number;
  optimizer: OptimizerSettings;
  /** At the start; it falls to zero along half a cosine. */
  learningRate: number;
  epochs: number;
  /** Steps to take at least, however small the dataset. */
  minimumSteps: number;
  batchSize: number;
  clipNorm: number;
}

/**
 * What did best on frozen features of small sets: strong regularisation towards a linear classifier, and auxiliary
 * losses, which also make the answers on one modality alone.
 */
export const defaultRecipe: Recipe = {
  strategy: 'arl',
  fusion: 'concat',
  adapter: 'mlp',
  hidden: 512,
  dropout: 0.5,
  featureNorm: 16,
  gamma: 1,
  smoothing: 0.1,
  variance: 'entropy',
  temperature: 4,
  classWeights: 'none',
  lexical: 'auto',
  warmUpShare: 0.1,
  optimizer: { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 },
  learningRate: 3e-4,
  epochs: 15,
  minimumSteps: 150,
  batchSize: 32,
  clipNorm: 1,
};

/** Above this many examples, larger batches learn as well as small ones and take less than half the time. */
const many = 10_000;

/**
 * The default recipe for so many training examples.
 * @example const { batchSize } = recipeFor(50_000, 'single'); // 128
 */
export function recipeFor(examples: number, target: TargetKind): Recipe {
  return {
    ...defaultRecipe,
    ...(examples > many && { batchSize: 128, learningRate: 1e-3 }),
    variance: targets[target].variance,
  };
}

/** What a person may choose; the rest of a recipe is found by measurement. */
export type RecipeChoices = Pick<Recipe, 'variance' | 'classWeights' | 'lexical'> & {
  strategy: TrainedStrategy;
  fusion: (typeof trainedFusions)[number];
};

/** The ways to balance modalities, and to learn from one of them alone. */
export const trainedStrategies = [...(Object.keys(strategies) as StrategyName[]), ...modalityNames];
type TrainedStrategy = (typeof trainedStrategies)[number];

/** Fusions that are trained as one; `late` comes with the strategy of that name. */
export const trainedFusions = ['concat', 'sum', 'share', 'gated', 'bilinear'] as const satisfies FusionName[];

/** The cube of it is the size of a bilinear fusion. */
const bilinearHidden = 64;

/**
 * What choices change of a recipe: late fusion needs predictors that share nothing, a bilinear one short adapters.
 * @throws TandemError `invalid-recipe` where a choice would change nothing
 * @example const recipe = { ...recipeFor(900, 'single'), ...chooseRecipe({ strategy: 'late' }) };
 */
export function chooseRecipe({
  strategy = defaultRecipe.strategy,
  fusion,
  variance,
  classWeights,
  lexical,
}: Partial<RecipeChoices>): Partial<Recipe> {
  const others = {
    ...(variance && { variance }),
    ...(classWeights && { classWeights }),
    ...(lexical && { lexical }),
  };
  const alone = modalityNames.find((modality) => modality === strategy);
  if (fusion && (alone || strategy === 'late'))
    throw new TandemError(
      'invalid-recipe',
      `fusion: the strategy ${strategy} ${alone ? 'joins nothing' : 'joins the answers themselves'}; leave the fusion out`,
    );
  if (variance && strategy !== 'arl')
    throw new TandemError(
      'invalid-recipe',
      `variance: the strategy ${strategy} looks at none, arl alone does; leave it out`,
    );
  if (alone) return { ...others, strategy: 'joint', modality: alone, fusion: 'concat' };
  if (strategy === 'late') return { ...others, strategy, fusion: 'late' };
  return {
    ...others,
    strategy: strategy as StrategyName,
    fusion: fusion ?? defaultRecipe.fusion,
    ...(fusion === 'bilinear' && { hidden: bilinearHidden }),
  };
}

/**
 * Refuses choices that cannot be followed on such data.
 * @param known the modalities that the examples have
 * @throws TandemError `invalid-recipe` where a fusion joins another number of modalities, no example has the one that is
 *   to be learnt from, or a text whose characters are to be read, classes are to be weighted and there are none, or numbers to have an entropy
 */
export function checkRecipe(
  { fusion = defaultRecipe.fusion, modality, lexical, ...others }: Partial<Recipe>,
  { known, target }: { known: readonly ModalityName[]; target: TargetKind },
): void {
  const refuse = (detail: string): never => {
    throw new TandemError('invalid-recipe', detail);
  };
  if (modality && !known.includes(modality)) refuse(`strategy: no example has ${modality} to learn from`);
  const joined = fusions[fusion].modalities ?? known.length;
  if (joined !== known.length)
    refuse(
      `fusion: ${fusion} joins ${joined} modalities, and the examples have ${known.length}; take concat, sum or share`,
    );
  if (lexical === 'on' && !known.includes('text'))
    refuse('lexical: no example has a text whose characters could be read; leave it out');
  if (lexical === 'on' && !takesCompanions({ fusion }))
    refuse(
      `lexical: ${fusion} joins ${joined} modalities and nothing beside them; take concat, sum or share`,
    );
  for (const { setting, value, why } of targets[target].refused)
    if (others[setting] === value) refuse(`${setting}: ${why}`);
}

/** Whether there is room for features that stand beside the encoders'. */
export function takesCompanions({ fusion }: Pick<Recipe, 'fusion'>): boolean {
  return fusions[fusion].modalities === undefined;
}

/** Optimizer steps that the recipe takes on so many examples. */
export function stepCount(recipe: Recipe, examples: number): number {
  const batch = Math.min(recipe.batchSize, examples);
  return Math.max(recipe.minimumSteps, Math.ceil((recipe.epochs * examples) / batch));
}

/** Learning rate at a step: half a cosine from the recipe's rate to zero, never zero itself. */
export function cosineRate(recipe: Recipe, steps: number): (step: number) => number {
  return (step) => recipe.learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / steps)) + 1e-8;
}
