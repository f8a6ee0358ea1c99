import type { SplitRows } from '../datasets/split/split-rows.ts';
import { measureAnswers } from '../evaluation/answers.ts';
import { figureNamed } from '../evaluation/metrics.ts';
import { evaluations } from '../evaluation/targets.ts';
import type { ItemProbabilities } from '../heads/head.ts';
import type { HeadManifest, StartCurve } from '../heads/manifest.ts';
import { itemAt } from '../indexing.ts';
import { Random } from '../random.ts';
import type { Engine } from '../runtime/engine.ts';
import { selectTruths, type TruthTable } from '../targets/truth-table.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { type FitOptions, fitHead } from './loop/fit.ts';
import { applyCalibration } from './search/calibration.ts';
import { calibrateStart, type StartCalibrations } from './search/recipe-search.ts';
import { answersOfStart, besideStart, type Start } from './zero-shot/start.ts';

/** Examples of each label that are tried; then all of them. */
const tried = [1, 4, 16];

interface CurveOptions extends Omit<FitOptions, 'checkpoint' | 'onProgress' | 'calibration' | 'prototypes'> {
  start: Start;
  calibrations: StartCalibrations;
  groups?: readonly unknown[];
}

/**
 * What the manifest tells of the head that a training started from; nothing where it started from none.
 * @param options.blend the calibration of the head that all rows trained
 * @param options.plain its calibration without the start
 */
export async function describeStart(
  engine: Engine,
  table: FeatureTable,
  split: SplitRows,
  {
    start,
    blend,
    plain,
    ...options
  }: Omit<CurveOptions, 'start' | 'calibrations'> & { start?: Start } & Partial<StartCalibrations>,
): Promise<HeadManifest['training']['startedFrom']> {
  if (!start || !blend) return undefined;
  const calibrations = { blend, plain };
  return {
    head: start.head,
    curve: await startCurve(engine, table, split, { ...options, start, calibrations }),
  };
}

/**
 * How good a head is on the test rows with none of the training rows, with so many of each label, and with all: blended with
 * the head of label names that it started from, and without it. The recipe is the same for all of them; how they are blended
 * is found anew for each, on its own rows.
 * @param options.calibrations of the head that all rows trained
 */
export async function startCurve(
  engine: Engine,
  table: FeatureTable,
  { train, test }: SplitRows,
  { start, groups, calibrations, ...fit }: CurveOptions,
): Promise<StartCurve> {
  if (test.length === 0) return [];
  const truth = selectTruths(table.truth, test);
  const { classes, seed, signal } = fit;
  const modalities = table.columns.map(({ modality }) => modality);
  const started = await answersOfStart(engine, start, table, test, signal);
  const unknown = { fused: new Float64Array(classes).fill(1 / classes), unimodal: {} };
  const none = started.map((answer) => answer ?? unknown);
  const curve: StartCurve = [{ perLabel: 0, examples: 0, blend: mainFigure(none, truth) }];
  const shuffled = new Random(seed, 'start curve').shuffle(train);
  const sizes = tried.map((perLabel) => ({ perLabel, rows: fewOfEach(table, shuffled, perLabel) }));
  const smaller = sizes.filter(({ rows }) => rows.length < train.length);
  const whole = { perLabel: Math.round(train.length / classes), rows: train };
  for (const { perLabel, rows } of [...smaller, whole]) {
    const { answers } = await fitHead(engine, table, { train: rows, test }, fit);
    const { blend, plain } =
      rows === train ? calibrations : await calibrateStart(engine, table, rows, { ...fit, start, groups });
    const own = plain ? applyCalibration({ answers, truth }, modalities, plain) : answers;
    const blended = applyCalibration({ answers: besideStart(answers, started), truth }, modalities, blend);
    const figures = { blend: mainFigure(blended, truth), plain: mainFigure(own, truth) };
    curve.push({ perLabel, examples: rows.length, ...figures });
  }
  return curve;
}

/** So many rows of each label, or as many as there are, the first. */
function fewOfEach({ strata }: FeatureTable, rows: readonly number[], count: number): number[] {
  const byLabel = Map.groupBy(rows, (row) => itemAt(strata, row));
  return [...byLabel.values()].flatMap((own) => own.slice(0, count)).sort((a, b) => a - b);
}

function mainFigure(answers: readonly ItemProbabilities[], truth: TruthTable): number {
  const [{ name }] = evaluations[truth.target].titles;
  return figureNamed(name, measureAnswers(answers, truth).fused);
}
