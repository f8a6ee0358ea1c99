import { type HeadArchitecture, initialParameters } from '../../arl/architecture.ts';
import { ParameterLayout } from '../../arl/packing.ts';
import type { Parameters } from '../../arl/parameters.ts';
import { strategies } from '../../arl/strategy.ts';
import type { Tails } from '../../arl/tail.ts';
import { stepInputs, type TrainingStepSettings, trainingStep } from '../../arl/training-step.ts';
import { throwIfCancelled } from '../../cancellation.ts';
import { TandemError } from '../../errors.ts';
import { emitLoop, loopInputName, loopOutputName } from '../../graph/emit.ts';
import { optimizerScalars } from '../../graph/optimizer.ts';
import { elementCount } from '../../graph/shape.ts';
import type { LoopStep } from '../../graph/value.ts';
import { itemAt, required } from '../../indexing.ts';
import { Random } from '../../random.ts';
import type { Engine, Session } from '../../runtime/engine.ts';
import { float32, floatsOf, type Tensors } from '../../runtime/tensor.ts';
import { targets } from '../../targets/targets.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import { Batches, dropoutMaskCount, noiseRows } from './batches.ts';
import type { Checkpoint, TrainingState } from './checkpoints.ts';
import { emptyHistory, record, type TrainingHistory } from './history.ts';
import { cosineRate, type Recipe, stepCount } from './recipe.ts';

export interface TrainingOptions {
  classes: number;
  recipe: Recipe;
  seed: number;
  signal?: AbortSignal;
  /** Keeps the training's state, and gives it back to a training that goes on after an interruption. */
  checkpoint?: Checkpoint;
  /** Rows of the training set to hold in memory at a time; by their size where absent. */
  windowRows?: number;
  /** Blocks of encoders that are trained with the head, by modality, and where it begins. */
  tuning?: Tuning;
  /** Called after every run of steps. */
  onProgress?(progress: { done: number; total: number; loss: number; accuracy?: number }): void;
}

/** How a head that was trained on the pretrained features goes on with its encoders' last blocks. */
export interface Tuning {
  /** Of each column. */
  tails: Tails;
  /** Lengths of the features that the adapters take. */
  dimensions: readonly number[];
  /** The head's own parameters, as they are then. */
  start: Parameters<Float32Array>;
  /** The share of the learning rate that each column's blocks get. */
  tailRates: readonly number[];
}

export interface TrainedHead {
  architecture: HeadArchitecture;
  parameters: Parameters<Float32Array>;
  history: TrainingHistory;
}

/** What a run of steps should take: the way back to TypeScript costs little then, and a cancelled training stops soon. */
const runMilliseconds = { least: 250, most: 3000 };
/** Of a run for each MiB of the state, which is copied on the way in and out: about 1 ms, 3 % of this. */
const millisecondsPerMebibyte = 33;
const mostStepsPerRun = 100;

/**
 * Trains a head on scaled features: ONNX Runtime runs the steps, a run of them at a time.
 * @throws TandemError `job-cancelled` where the signal aborts, `training-failed` where the loss stops being finite
 * @example const { parameters } = await trainHead(engine, table, { classes: 9, recipe: defaultRecipe, seed: 1 });
 */
export async function trainHead(
  engine: Engine,
  table: FeatureTable,
  options: TrainingOptions,
): Promise<TrainedHead> {
  const { recipe, seed, checkpoint, windowRows, tuning } = options;
  const { architecture, settings, weights, step } = planStep(table, options);
  const session = await engine.load(emitLoop(step), { plansMemory: tuning === undefined });
  try {
    const { batchSize, partial } = settings;
    const noiseColumns = strategies[recipe.strategy].noise ? recipe.hidden : 0;
    const batches = new Batches(
      table,
      {
        ...{ batchSize, seed, partial, dropout: recipe.dropout, weights, noiseColumns },
        dimensions: architecture.dimensions,
      },
      windowRows,
    );
    await session.bind(batches.shared());
    const layoutOfState = step.state.map(({ current: { name, shape } }) => ({ name, shape }));
    const work = {
      architecture: { ...architecture, target: table.truth.target },
      ...{ recipe, seed, rows: table.strata.length, windowRows, state: layoutOfState },
      ...(tuning && { tailRates: tuning.tailRates }),
    };
    const layout = new ParameterLayout(architecture);
    const start = (await checkpoint?.read(work)) ?? startingState(architecture, layout, seed, tuning?.start);
    const steps = stepCount(recipe, table.strata.length);
    const save: Save = async (state, phase) => checkpoint?.write(work, state, phase);
    const { tensors, history } = await runSteps(session, batches, {
      ...{ ...options, step, start, steps, save },
      modalities: table.columns.length,
    });
    return { architecture, parameters: layout.unpack((name) => required(tensors[name], name)), history };
  } finally {
    await session.release();
  }
}

/**
 * The step of a training, and what it is built of.
 * @param table features, of whose lengths those count that no tail makes
 */
export function planStep(
  table: FeatureTable,
  { classes, recipe, tuning }: Pick<TrainingOptions, 'classes' | 'recipe' | 'tuning'>,
) {
  const target = targets[table.truth.target];
  const architecture: HeadArchitecture = {
    dimensions: tuning?.dimensions ?? table.columns.map(({ dimension }) => dimension),
    hidden: recipe.hidden,
    classes,
    adapter: recipe.adapter,
    fusion: recipe.fusion,
    ...(tuning && { tails: tuning.tails }),
    target: target.loss,
  };
  const weights = recipe.classWeights === 'balanced' ? target.balancedWeights?.(table.truth) : undefined;
  const settings = {
    ...stepSettings(table, recipe, weights?.columns),
    ...(tuning && { tailRates: tuning.tailRates }),
  };
  return { architecture, settings, weights, step: trainingStep(architecture, settings) };
}

/** What the training step is built with: the recipe, and what the table has. */
function stepSettings(
  { columns, strata }: FeatureTable,
  recipe: Recipe,
  weightColumns: number | undefined,
): TrainingStepSettings {
  return {
    strategy: recipe.strategy,
    ...(recipe.dominant && {
      dominantIndex: columns.findIndex(({ modality }) => modality === recipe.dominant),
    }),
    variance: recipe.variance,
    temperature: recipe.temperature,
    smoothing: recipe.smoothing,
    // Adam divides a gradient by its own size, so a factor on the gradient would vanish.
    residualOn: recipe.optimizer.name === 'adamw' ? 'update' : 'gradient',
    optimizer: recipe.optimizer,
    batchSize: Math.min(recipe.batchSize, strata.length),
    clipNorm: recipe.clipNorm,
    dropoutMasks: recipe.dropout > 0 ? dropoutMaskCount : 0,
    noiseRows,
    partial: columns.some(({ present }) => present.includes(0)),
    weightColumns,
  };
}

/** Keeps a state; see {@link Checkpoint.write}. */
type Save = (state: TrainingState, phase: 'running' | 'done' | 'stopping') => Promise<void>;

interface StepsToRun extends Pick<TrainingOptions, 'recipe' | 'signal' | 'onProgress'> {
  step: LoopStep;
  start: TrainingState;
  /** Number of the last step. */
  steps: number;
  save: Save;
  /** How many the statistics are of. */
  modalities: number;
}

/** Takes the steps that are left, a run of them at a time, and returns the state after the last. */
async function runSteps(
  session: Session,
  batches: Batches,
  { step, start, steps, save, modalities, recipe, signal, onProgress }: StepsToRun,
): Promise<TrainingState> {
  const { history } = start;
  const parts = step.state.map(({ current }) => current);
  let state: Tensors = Object.fromEntries(
    parts.map(({ name, shape }) => [
      loopInputName(name),
      float32(shape, start.tensors[name] ?? new Float32Array(elementCount(shape))),
    ]),
  );
  const prepare = (first: number, most: number) => {
    const { window, steps: inWindow } = batches.windowAt(first);
    const count = Math.min(most, inWindow, steps - first);
    const feeds =
      count === 0 ? {} : { ...batches.feeds(first, count), ...schedule(recipe, steps, first, count) };
    return { count, window, isLast: first + inWindow >= steps, feeds };
  };
  const mebibytes = parts.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0) / 2 ** 20;
  const { least, most } = runMilliseconds;
  const millisecondsPerRun = Math.min(Math.max(least, millisecondsPerMebibyte * mebibytes), most);
  let { step: taken } = start;
  let run = prepare(taken, 1);
  let bound = -1;
  let millisecondsPerStep = millisecondsPerRun;
  let reached: TrainingState | undefined;
  while (run.count > 0) {
    if (signal?.aborted && reached) await save(reached, 'stopping');
    throwIfCancelled(signal, `after ${taken} of ${steps} steps`);
    const { count, window, isLast, feeds } = run;
    if (window !== bound) await session.bind(await batches.window(window, !isLast));
    bound = window;
    const started = performance.now();
    const running = session.run({ ...state, ...feeds });
    const wanted = Math.max(1, Math.floor(millisecondsPerRun / millisecondsPerStep));
    run = prepare(taken + count, Math.min(wanted, mostStepsPerRun));
    const results = await running;
    millisecondsPerStep = (performance.now() - started) / count;
    taken += count;
    state = Object.fromEntries(
      parts.map(({ name }) => [loopInputName(name), required(results[loopOutputName(name)], name)]),
    );
    record(history, results, modalities);
    const loss = mean(floatsOf(results, 'loss'));
    if (!Number.isFinite(loss))
      throw new TandemError('training-failed', `the loss became ${loss} at step ${taken} of ${steps}`, {
        fix: 'Look for numbers of the dataset that are far out of range (`datasets check` shows the columns), or leave --tune and --no-search out: then cross-validation chooses what trains well.',
      });
    const tensors = Object.fromEntries(parts.map(({ name }) => [name, floatsOf(state, loopInputName(name))]));
    reached = { step: taken, tensors, history };
    await save(reached, taken === steps ? 'done' : 'running');
    const accuracy = 'accuracy' in results ? mean(floatsOf(results, 'accuracy')) : undefined;
    onProgress?.({ done: taken, total: steps, loss, accuracy });
  }
  return reached ?? start;
}

function startingState(
  architecture: HeadArchitecture,
  layout: ParameterLayout,
  seed: number,
  start?: Parameters<Float32Array>,
): TrainingState {
  const random = new Random(seed, 'initial parameters');
  return {
    step: 0,
    tensors: layout.pack({ ...initialParameters(architecture, () => random.nextFloat()), ...start }),
    history: emptyHistory(),
  };
}

/** The scalars of a run of steps: γ, the residual's switch, and the optimizer's own. */
function schedule(recipe: Recipe, steps: number, first: number, count: number): Tensors {
  const warmUpSteps = Math.round(recipe.warmUpShare * steps);
  const rate = cosineRate(recipe, steps);
  const range = Array.from({ length: count }, (_, index) => first + index);
  const rows = range.map(
    (step): Record<string, number> => ({
      [stepInputs.gamma]: step < warmUpSteps ? 1 : recipe.gamma,
      [stepInputs.residual]: step < warmUpSteps ? 0 : 1,
      ...optimizerScalars(recipe.optimizer, step, rate),
    }),
  );
  return Object.fromEntries(
    Object.keys(itemAt(rows, 0)).map((name) => [
      loopInputName(name),
      float32(
        [count],
        rows.map((row) => row[name] ?? Number.NaN),
      ),
    ]),
  );
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
