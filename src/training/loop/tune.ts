import { emitHead, type FeatureScaling } from '../../arl/serving.ts';
import type { Tail, Tails } from '../../arl/tail.ts';
import { multiply, subtract } from '../../graph/operations/elementwise.ts';
import { constant } from '../../graph/value.ts';
import { itemAt } from '../../indexing.ts';
import type { Engine } from '../../runtime/engine.ts';
import { applyScaling, type FeatureTable, selectRows } from '../features/feature-table.ts';
import { asTaught, type FitOptions, type TrainedHead } from './fit.ts';
import type { Recipe } from './recipe.ts';
import { trainHead } from './trainer.ts';

export interface TuneOptions extends FitOptions {
  /** The blocks that are trained with the head, by column; the others' features stay as they are. */
  tails: Tails;
  /** What the blocks' learning rates are multiplied by; 1 by default. */
  rateFactor?: number;
  /** The head as it was trained on the same rows, on the features of the pretrained encoders. */
  from: TrainedHead;
}

/** Of the head, at the start; blocks have rates of their own. */
const learningRate = 3e-4;
/** Few: pretrained blocks learn small sets by heart. */
const epochs = 3;
const minimumSteps = 30;

/** The recipe of a head for going on with its encoder's blocks. */
export function tuningRecipe(recipe: Recipe): Recipe {
  return { ...recipe, learningRate, epochs, minimumSteps, batchSize: Math.min(recipe.batchSize, 32) };
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
  { calibration, tails, from, rateFactor = 1, ...options }: TuneOptions,
): Promise<TrainedHead> {
  const training = selectRows(table, rows);
  const { scaling } = from;
  const columns = training.columns.map((column, m) =>
    tails[m] ? column : applyScaling(column, itemAt(scaling, m)),
  );
  const { output, truth } = asTaught(training.truth);
  const { architecture, parameters, history } = await trainHead(
    engine,
    { ...training, columns, truth },
    {
      ...options,
      recipe: tuningRecipe(options.recipe),
      tuning: {
        tails: tails.map((tail, m) => tail && scaledTail(tail, itemAt(scaling, m))),
        dimensions: scaling.map(({ mean }) => mean.length),
        start: from.parameters,
        tailRates: tails.map((tail) => (tail ? (rateFactor * tail.learningRate) / learningRate : 1)),
      },
    },
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
