import { emitHead, type FeatureScaling } from '../../arl/serving.ts';
import { type Tail, type Tails, tailInParts } from '../../arl/tail.ts';
import { multiply, subtract } from '../../graph/operations/elementwise.ts';
import { constant } from '../../graph/value.ts';
import { itemAt } from '../../indexing.ts';
import type { Engine } from '../../runtime/engine.ts';
import { applyScaling, type FeatureTable, selectRows } from '../features/feature-table.ts';
import { asTaught, type FitOptions, type TrainedHead } from './fit.ts';
import type { Recipe } from './recipe.ts';
import { trainHead } from './trainer.ts';
import { partsOf, type TuningBatches } from './tuning-batches.ts';

export interface TuneOptions extends FitOptions {
  /** The blocks that are trained with the head, by column; the others' features stay as they are. */
  tails: Tails;
  /** What the blocks' learning rates are multiplied by; 1 by default. */
  rateFactor?: number;
  /** How its batches are computed. */
  batches?: TuningBatches;
  /** The head as it was trained on the same rows, on the features of the pretrained encoders. */
  from: TrainedHead;
}

/** Of the head, at the start; blocks have rates of their own. */
const learningRate = 3e-4;
/** Few: pretrained blocks learn small sets by heart. */
const epochs = 3;
const minimumSteps = 30;

/** The recipe of a head for going on with its encoder's blocks. */
export function tuningRecipe(recipe: Recipe, { batchSize }: TuningBatches = {}): Recipe {
  const size = batchSize ?? Math.min(recipe.batchSize, 32);
  return { ...recipe, learningRate, epochs, minimumSteps, batchSize: size };
}

/** The options of a training that goes on with a head. */
export function tuningOptions(
  { calibration: _, tails, from, batches, rateFactor = 1, ...options }: TuneOptions,
  rows: number,
) {
  const recipe = tuningRecipe(options.recipe, batches);
  const parts = partsOf(Math.min(recipe.batchSize, rows), batches?.accumulate);
  const { scaling } = from;
  return {
    ...options,
    recipe,
    tuning: {
      tails: tails.map((tail, m) => tail && tailInParts(scaledTail(tail, itemAt(scaling, m)), parts)),
      dimensions: scaling.map(({ mean }) => mean.length),
      start: from.parameters,
      tailRates: tails.map((tail) => (tail ? (rateFactor * tail.learningRate) / learningRate : 1)),
    },
  };
}

/**
 * Goes on with a trained head, and trains the last blocks of its encoders with it.
 * @param table its tuned columns have what the blocks below the tails give
 * @throws whatever {@link trainHead} throws
 * @example const tuned = await tuneOnRows(engine, table, train, { ...options, tails: [tail], from: fitted });
 */
export async function tuneOnRows(
  engine: Engine,
  table: FeatureTable,
  rows: readonly number[],
  options: TuneOptions,
): Promise<TrainedHead> {
  const training = selectRows(table, rows);
  const { calibration, tails, from } = options;
  const { scaling } = from;
  const columns = training.columns.map((column, m) =>
    tails[m] ? column : applyScaling(column, itemAt(scaling, m)),
  );
  const { output, truth } = asTaught(training.truth);
  const { architecture, parameters, history } = await trainHead(
    engine,
    { ...training, columns, truth },
    tuningOptions(options, rows.length),
  );
  const modalities = columns.map(({ modality }) => modality);
  const weights = emitHead({ ...architecture, tails }, modalities, scaling, parameters, {
    calibration,
    output,
  });
  return { weights, companions: [], history, parameters, scaling };
}

/** The tail with its features standardised, as the head's adapter knows them. */
function scaledTail(tail: Tail, { mean, factor }: FeatureScaling): Tail {
  const shape = [mean.length];
  return {
    ...tail,
    features: (rows, parameter) =>
      multiply(subtract(tail.features(rows, parameter), constant(mean, shape)), constant(factor, shape)),
  };
}
