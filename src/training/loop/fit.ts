import type { Parameters } from '../../arl/parameters.ts';
import {
  type EmittedParts,
  emitHead,
  type FeatureScaling,
  type HeadCalibration,
  type OutputScaling,
} from '../../arl/serving.ts';
import type { SplitRows } from '../../datasets/split/split-rows.ts';
import { classifierOf, type ItemProbabilities } from '../../heads/head.ts';
import type { Engine } from '../../runtime/engine.ts';
import { standardise } from '../../targets/output-scaling.ts';
import { targets } from '../../targets/targets.ts';
import type { TruthTable } from '../../targets/truth-table.ts';
import {
  applyScaling,
  type CompanionColumn,
  type FeatureTable,
  fitScaling,
  joinCompanions,
  selectRows,
} from '../features/feature-table.ts';
import { answerRows } from './answer-rows.ts';
import type { TrainingHistory } from './history.ts';
import type { Recipe } from './recipe.ts';
import { type TrainingOptions, trainHead } from './trainer.ts';

/** A head that was trained on some rows. */
export interface TrainedHead {
  /** The bytes of head.onnx. */
  weights: Uint8Array;
  /** What it takes beside the encoders' features, fitted to the same rows. */
  companions: CompanionColumn[];
  history: TrainingHistory;
  /** What the bytes were written of. */
  parameters: Parameters<Float32Array>;
  scaling: readonly FeatureScaling[];
}

export interface FittedHead extends TrainedHead {
  /** What that model says of every test row. */
  answers: ItemProbabilities[];
}

export type FitOptions = TrainingOptions & {
  calibration?: HeadCalibration;
  /** By modality: prototypes that the head's answers are blended with, as the calibration weighs them. */
  prototypes?: EmittedParts['prototypes'];
};

/** The table as the recipe's head takes it, and what of it is fitted to the rows that it is trained on. */
function inputsFor(table: FeatureTable, rows: readonly number[], { lexical }: Recipe) {
  return lexical === 'on' ? joinCompanions(table, rows) : { table, companions: [] };
}

/**
 * Scales the features of some rows, trains on them and emits the model.
 * @throws whatever {@link trainHead} throws
 */
export async function trainOnRows(
  engine: Engine,
  table: FeatureTable,
  rows: readonly number[],
  options: FitOptions,
): Promise<TrainedHead> {
  return trainOnInputs(engine, inputsFor(table, rows, options.recipe), rows, options);
}

/** Truths as a head is taught them: numbers standardised, and what brings its answers back. */
export function asTaught(truth: TruthTable): { truth: TruthTable; output?: OutputScaling } {
  const output = targets[truth.target].outputScaling?.(truth);
  return { truth: output ? standardise(truth, output) : truth, output };
}

async function trainOnInputs(
  engine: Engine,
  { table, companions }: ReturnType<typeof inputsFor>,
  rows: readonly number[],
  { calibration, prototypes, ...options }: FitOptions,
): Promise<TrainedHead> {
  const training = selectRows(table, rows);
  const scaled = await Promise.all(
    training.columns.map(async (column) => {
      const scaling = await fitScaling(column, options.recipe.featureNorm, options.signal);
      return { scaling, column: applyScaling(column, scaling) };
    }),
  );
  const columns = scaled.map(({ column }) => column);
  const scaling = scaled.map(({ scaling }) => scaling);
  const { output, truth } = asTaught(training.truth);
  const { architecture, parameters, history } = await trainHead(
    engine,
    { ...training, columns, truth },
    options,
  );
  const modalities = columns.map(({ modality }) => modality);
  return {
    weights: emitHead(architecture, modalities, scaling, parameters, { calibration, output, prototypes }),
    ...{ companions, history, parameters, scaling },
  };
}

/**
 * Trains on the one side and asks on the other, through the model as it would be served.
 * @throws whatever {@link trainHead} throws
 * @example const { answers } = await fitHead(engine, table, { train, test }, { classes: 8, recipe, seed: 0 });
 */
export async function fitHead(
  engine: Engine,
  table: FeatureTable,
  { train, test }: SplitRows,
  options: FitOptions,
): Promise<FittedHead> {
  const inputs = inputsFor(table, train, options.recipe);
  const trained = await trainOnInputs(engine, inputs, train, options);
  return { ...trained, answers: await answersOf(engine, trained, inputs.table, test, options.signal) };
}

/**
 * What a trained head says of rows, through the model as it would be served.
 * @param table as the head takes it, with its companions
 */
export async function answersOf(
  engine: Engine,
  { weights, companions }: TrainedHead,
  table: FeatureTable,
  rows: readonly number[],
  signal?: AbortSignal,
): Promise<ItemProbabilities[]> {
  const modalities = [...new Set(table.columns.map(({ modality }) => modality))];
  const taken = modalities.flatMap((modality) => {
    const column = table.columns.find((one) => one.modality === modality);
    const companion = companions.find((beside) => beside.modality === modality);
    return column ? [{ modality, dimension: column.dimension, companion }] : [];
  });
  const classifier = classifierOf(await engine.load(weights.slice()), taken, table.truth.target);
  const answers = await answerRows(classifier, selectRows(table, rows), signal);
  await classifier.release();
  return answers;
}
