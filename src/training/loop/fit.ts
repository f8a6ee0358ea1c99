import { emitHead, type HeadCalibration } from '../../arl/serving.ts';
import type { SplitRows } from '../../datasets/split/split-rows.ts';
import { classifierOf, type ItemProbabilities } from '../../heads/head.ts';
import type { Engine } from '../../runtime/engine.ts';
import { standardise } from '../../targets/output-scaling.ts';
import { targets } from '../../targets/targets.ts';
import { applyScaling, type FeatureTable, fitScaling, selectRows } from '../features/feature-table.ts';
import { answerRows } from './answer-rows.ts';
import type { TrainingHistory } from './history.ts';
import { type TrainingOptions, trainHead } from './trainer.ts';

export interface FittedHead {
  /** The bytes of head.onnx. */
  weights: Uint8Array;
  /** What that model says of every test row. */
  answers: ItemProbabilities[];
  history: TrainingHistory;
}

/**
 * Scales the features, trains on the one side and asks on the other: the very model that will be served answers.
 * @throws whatever {@link trainHead} throws
 * @example const { answers } = await fitHead(engine, table, { train, test }, { classes: 8, recipe, seed: 0 });
 */
export async function fitHead(
  engine: Engine,
  table: FeatureTable,
  { train, test }: SplitRows,
  { calibration, ...options }: TrainingOptions & { calibration?: HeadCalibration },
): Promise<FittedHead> {
  const training = selectRows(table, train);
  const scaled = await Promise.all(
    training.columns.map(async (column) => {
      const scaling = await fitScaling(column, options.recipe.featureNorm, options.signal);
      return { scaling, column: applyScaling(column, scaling) };
    }),
  );
  const columns = scaled.map(({ column }) => column);
  const scaling = scaled.map(({ scaling }) => scaling);
  const output = targets[table.truth.target].outputScaling?.(training.truth);
  const truth = output ? standardise(training.truth, output) : training.truth;
  const { architecture, parameters, history } = await trainHead(
    engine,
    { ...training, columns, truth },
    options,
  );
  const modalities = columns.map(({ modality }) => modality);
  const weights = emitHead(architecture, modalities, scaling, parameters, { calibration, output });
  const classifier = classifierOf(await engine.load(weights.slice()), columns, table.truth.target);
  const answers = await answerRows(classifier, selectRows(table, test), options.signal);
  await classifier.release();
  return { weights, answers, history };
}
