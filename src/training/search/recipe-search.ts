import type { HeadCalibration } from '../../arl/serving.ts';
import { itemAt } from '../../indexing.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import { Random } from '../../random.ts';
import type { Engine } from '../../runtime/engine.ts';
import { targets } from '../../targets/targets.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import type { CheckpointFolder } from '../loop/checkpoints.ts';
import type { Recipe } from '../loop/recipe.ts';
import { withEngines } from '../loop/side-by-side.ts';
import type { TrainingOptions } from '../loop/trainer.ts';
import { type Start, untriedBlend } from '../zero-shot/start.ts';
import { applyCalibration, calibrate, type HeldOutAnswers } from './calibration.ts';
import { crossValidate, splitForValidation } from './cross-validation.ts';
import { isLexicalTried, paysOff, tryLexical } from './lexical-trial.ts';
import { chooseHeadThresholds, type HeadThresholds } from './thresholds.ts';

/** What cross-validation found out about a recipe. */
export interface CandidateResult {
  /** What it changes of the recipe that was given. */
  changes: Partial<Recipe>;
  /** Mean loss on what was held out: negative log likelihood, or of numbers the squared error. */
  loss: number;
  /** The same after calibration: what candidates are chosen by. */
  calibratedLoss: number;
}

/** What follows from a recipe's answers to examples that were held out. */
export interface Calibrated {
  /** Absent where answers are best left as they are. */
  calibration?: HeadCalibration;
  /** Of any of several labels: from which probability each is given. */
  thresholds?: HeadThresholds;
}

export interface RecipeSearch extends Calibrated {
  recipe: Recipe;
  /** Where the training starts from a head of label names: the calibration without its answers. */
  plain?: HeadCalibration;
  /** What was tried: the folds that were held out, and the examples that the search saw. */
  report: { folds: number; examples: number; candidates: CandidateResult[] };
}

export interface RecipeSearchOptions {
  classes: number;
  recipe: Recipe;
  seed: number;
  /** Rows with the same group share a fold. */
  groups?: readonly unknown[];
  provider: Engine['provider'];
  /** Trainings at a time; 0 for as many as there are cores. */
  threads: number;
  signal?: AbortSignal;
  checkpoints?: CheckpointFolder;
  /** What the training starts from. */
  start?: Start;
  onProgress?(done: number, total: number): void;
}

/** What is tried. How far to train is what differs most between datasets: many labels and weak features take more. */
const candidates: Partial<Recipe>[] = [{}, { epochs: 30, learningRate: 1e-3 }];

/** A search looks at this many examples at most: by then the choice no longer changes. */
const mostExamples = 50_000;
/**
 * Chooses a recipe and a calibration by cross-validation on the training rows alone.
 * @returns undefined where there are too few examples whose label others bear as well to hold any out
 * @throws whatever `trainHead` throws
 * @example const { recipe, calibration } = await searchRecipe(table, train, { classes: 8, recipe: defaultRecipe, … });
 */
export async function searchRecipe(
  table: FeatureTable,
  train: readonly number[],
  options: RecipeSearchOptions,
): Promise<RecipeSearch | undefined> {
  const { classes, recipe, seed, groups, provider, threads, signal, checkpoints, start, onProgress } =
    options;
  const rows =
    train.length > mostExamples
      ? new Random(seed, 'search rows')
          .shuffle(train)
          .slice(0, mostExamples)
          .sort((a, b) => a - b)
      : train;
  const splits = splitForValidation(table, rows, { ...foldsFor(rows.length), seed, groups });
  if (!splits) return undefined;
  const recipes = candidates.map((changes) => ({ ...recipe, ...changes }));
  const isTried = isLexicalTried(recipe, table);
  const total = (recipes.length + Number(isTried)) * splits.length;
  return withEngines({ provider, threads, trainings: total }, async (engines) => {
    let done = 0;
    onProgress?.(done, total);
    const validation = {
      ...{ classes, seed, signal, checkpoints, start },
      onTrained: () => onProgress?.(++done, total),
    };
    const heldOutAnswers = await crossValidate(engines, table, splits, recipes, validation);
    const modalities = table.columns.map(({ modality }) => modality);
    const blend = start && untriedBlend(modalities, start, rows.length / classes);
    const tried = heldOutAnswers.map((answers, index) => ({
      ...{ answers, changes: itemAt(candidates, index), recipe: itemAt(recipes, index) },
      ...calibrate(answers, modalities, blend),
    }));
    let best = tried.reduce((found, other) => (other.after < found.after ? other : found));
    if (isTried) {
      const firstCandidate = tried.length;
      const answers = await tryLexical(engines, table, splits, best, {
        ...validation,
        blend,
        firstCandidate,
      });
      if (answers) {
        const changes = { ...best.changes, lexical: 'on' as const };
        const lexical = {
          ...{ answers, changes, recipe: { ...recipe, ...changes } },
          ...calibrate(answers, modalities, blend),
        };
        tried.push(lexical);
        if (paysOff(lexical.after, best.after)) best = lexical;
      }
      onProgress?.(total, total);
    }
    return {
      recipe: best.recipe,
      calibration: best.calibration,
      plain: start && plainCalibration(best.answers, modalities),
      thresholds: thresholdsFor(best.answers, modalities, best.calibration),
      report: {
        folds: splits.length,
        examples: rows.length,
        candidates: tried.map(({ changes, before, after }) => ({
          ...{ changes, loss: before, calibratedLoss: after },
        })),
      },
    };
  });
}

/**
 * Calibrates the answers of one recipe on a part of the training rows that is held out once: one training, where a search
 * takes many.
 * @returns nothing where there are too few examples to hold any out
 * @throws whatever `trainHead` throws
 * @example const { calibration } = await calibrateRecipe(engine, table, train, { classes: 8, recipe, seed: 0 });
 */
export async function calibrateRecipe(
  engine: Engine,
  table: FeatureTable,
  rows: readonly number[],
  { recipe, groups, ...options }: TrainingOptions & { groups?: readonly unknown[] },
): Promise<Calibrated> {
  const dealt = rows.length <= 1_000 ? 3 : 5;
  const splits = splitForValidation(table, rows, { dealt, heldOut: 1, seed: options.seed, groups });
  if (!splits) return {};
  const answers = itemAt(await crossValidate([engine], table, splits, [recipe], options), 0);
  const modalities = table.columns.map(({ modality }) => modality);
  const { calibration } = calibrate(answers, modalities);
  return { calibration, thresholds: thresholdsFor(answers, modalities, calibration) };
}

/** How a head's answers are weighed: blended with those of what its training starts from, and without these. */
export interface StartCalibrations {
  blend: HeadCalibration;
  /** Absent where answers are best left as they are. */
  plain?: HeadCalibration;
}

/**
 * Finds by cross-validation how the answers of one recipe on some rows are weighed.
 * @throws whatever `trainHead` throws
 * @example const { blend } = await calibrateStart(engine, table, rows, { classes: 8, recipe, seed: 0, start });
 */
export async function calibrateStart(
  engine: Engine,
  table: FeatureTable,
  rows: readonly number[],
  { recipe, groups, ...options }: TrainingOptions & { groups?: readonly unknown[]; start: Start },
): Promise<StartCalibrations> {
  const modalities = table.columns.map(({ modality }) => modality);
  const untried = untriedBlend(modalities, options.start, rows.length / options.classes);
  const { seed } = options;
  const splits = splitForValidation(table, rows, { ...foldsFor(rows.length), seed, groups });
  if (!splits) return { blend: untried };
  const answers = itemAt(await crossValidate([engine], table, splits, [recipe], options), 0);
  const { calibration: blend = untried } = calibrate(answers, modalities, untried);
  return { blend, plain: plainCalibration(answers, modalities) };
}

/** How the same answers are weighed without those of a start. */
function plainCalibration(
  { answers, truth }: HeldOutAnswers,
  modalities: readonly ModalityName[],
): HeadCalibration | undefined {
  const own = answers.map(({ prototypes: _, ...answer }) => answer);
  return calibrate({ answers: own, truth }, modalities).calibration;
}

/** From which probability each label is given, where several may be; undefined for other targets. */
export function thresholdsFor(
  heldOut: HeldOutAnswers,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration | undefined,
): HeadThresholds | undefined {
  if (!targets[heldOut.truth.target].hasThresholds) return undefined;
  const calibrated = calibration ? applyCalibration(heldOut, modalities, calibration) : heldOut.answers;
  return chooseHeadThresholds(calibrated, heldOut.truth, modalities);
}

/** Few examples need every fold; many make one held-out tenth enough. */
function foldsFor(examples: number): { dealt: number; heldOut: number } {
  if (examples <= 1_000) return { dealt: 5, heldOut: 5 };
  if (examples <= 10_000) return { dealt: 3, heldOut: 3 };
  return { dealt: 10, heldOut: 1 };
}
