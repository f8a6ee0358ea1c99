import { afterAll, describe, expect, it } from 'vitest';
import { emitHead } from '../../../../src/arl/serving.ts';
import { type StrategyName, strategies } from '../../../../src/arl/strategy.ts';
import { measureAnswers } from '../../../../src/evaluation/answers.ts';
import { classifierOf } from '../../../../src/heads/head.ts';
import { Engine } from '../../../../src/runtime/engine.ts';
import type { TruthTable } from '../../../../src/targets/truth-table.ts';
import {
  applyScaling,
  type FeatureTable,
  fitScaling,
  selectRows,
} from '../../../../src/training/features/feature-table.ts';
import { answerRows } from '../../../../src/training/loop/answer-rows.ts';
import { fitHead } from '../../../../src/training/loop/fit.ts';
import { defaultRecipe, type Recipe } from '../../../../src/training/loop/recipe.ts';
import { trainHead } from '../../../../src/training/loop/trainer.ts';
import { syntheticTable } from '../../../unit/training/synthetic.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

/** Those that train the same parameters; `late` has a fusion of its own. */
const trainedStrategies = (Object.keys(strategies) as StrategyName[]).filter((name) => name !== 'late');

const classes = 4;
const table = syntheticTable({ rows: 203, classes, dimensions: { image: 24, text: 16 } });
const recipe: Recipe = { ...defaultRecipe, hidden: 16, epochs: 40, learningRate: 5e-3 };

/** Trains, and measures what would be served on other rows. */
async function trainAndMeasure(
  training: FeatureTable,
  test: FeatureTable,
  changes: Partial<Recipe> = {},
  windowRows?: number,
) {
  const scaling = await Promise.all(training.columns.map((column) => fitScaling(column, recipe.featureNorm)));
  const scaled = {
    ...training,
    columns: training.columns.map((column, m) => applyScaling(column, scaling[m])),
  };
  const trained = await trainHead(engine, scaled, {
    classes,
    recipe: { ...recipe, ...changes },
    seed: 1,
    windowRows,
  });
  const modalities = training.columns.map(({ modality }) => modality);
  const encoders = training.columns.map(({ modality, dimension }) => ({
    modality,
    dimension,
    id: '',
    fingerprint: '',
  }));
  const model = emitHead(trained.architecture, modalities, scaling, trained.parameters);
  const classifier = classifierOf(await engine.load(model), encoders, test.truth.target);
  return measureAnswers(await answerRows(classifier, test), test.truth);
}

describe('a training', () => {
  it('gives the same bytes for the same seed, and others for another', async () => {
    const [first, again, other] = [
      await trainHead(engine, table, { classes, recipe, seed: 5 }),
      await trainHead(engine, table, { classes, recipe, seed: 5 }),
      await trainHead(engine, table, { classes, recipe, seed: 6 }),
    ];
    expect(again.parameters).toEqual(first.parameters);
    expect(other.parameters).not.toEqual(first.parameters);
  });

  it('ends with an error that says what to look for where the loss is no number any more', async () => {
    const wild = { ...recipe, learningRate: 1e38 };
    await expect(trainHead(engine, table, { classes, recipe: wild, seed: 1 })).rejects.toMatchObject({
      code: 'training-failed',
      message: expect.stringMatching(/^the loss became (NaN|-?Infinity) at step \d+ of \d+$/),
      fix: expect.stringContaining('datasets check'),
    });
  });

  it('learns, and the loss that it reports falls', async () => {
    // Smoothed labels keep the loss from falling far.
    const sharp = { ...recipe, smoothing: 0 };
    const { history } = await trainHead(engine, table, { classes, recipe: sharp, seed: 1 });
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(history.loss.slice(-10))).toBeLessThan(0.6 * mean(history.loss.slice(0, 10)));
    expect(history.statistics).toHaveLength(history.loss.length);
  });

  it.each([
    ['the default recipe', {}],
    ['linear adapters', { adapter: 'linear', smoothing: 0 }],
    [
      'SGD, with the residual on the gradient',
      { optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 }, learningRate: 0.02 },
    ],
    ['uniform residuals', { strategy: 'uniform' }],
    ['the variance that dropout shows', { variance: 'dropout' }],
    ['weighted classes', { classWeights: 'balanced' }],
    ['gated fusion', { fusion: 'gated' }],
    ['bilinear fusion', { fusion: 'bilinear', hidden: 8 }],
    ['the fused loss alone', { strategy: 'joint', epochs: 60 }],
    [
      'OGM-GE',
      {
        strategy: 'ogm-ge',
        optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 },
        learningRate: 0.02,
      },
    ],
    ['the dominant modality first', { strategy: 'pdmp', dominant: 'image', epochs: 60 }],
    ['late fusion', { strategy: 'late', fusion: 'late' }],
  ] as [string, Partial<Recipe>][])('classifies rows that it has not seen, with %s', async (_, changes) => {
    const test = syntheticTable({ rows: 200, classes, dimensions: { image: 24, text: 16 }, seed: 2 });
    const { fused, unimodal } = await trainAndMeasure(table, test, changes);
    expect(fused.accuracy).toBeGreaterThan(0.85);
    expect(unimodal.image!.accuracy).toBeGreaterThan(0.6);
    expect(unimodal.text!.accuracy).toBeGreaterThan(0.6);
  });

  it('is another one with every strategy and every variance', async () => {
    const choices: Partial<Recipe>[] = [
      ...trainedStrategies.map((strategy) => ({ strategy, dominant: 'image' as const })),
      { variance: 'dropout', dropout: 0.1 },
      { dropout: 0.1 },
    ];
    const heads = await Promise.all(
      choices.map((changes) =>
        trainHead(engine, table, { classes, recipe: { ...recipe, epochs: 4, ...changes }, seed: 1 }),
      ),
    );
    const weights = heads.map(({ parameters }) => parameters['adapter.0.weight'].join());
    expect(new Set(weights).size).toBe(choices.length);
  });

  it('finds more of a rare class where classes are weighted', async () => {
    const drawn = syntheticTable({ rows: 1600, classes, dimensions: { image: 24, text: 16 }, strength: 0.8 });
    const rare = drawn.strata.map((label, row) => (label > 0 && row % 9 > 0 ? 0 : label));
    const rows = [...rare.keys()];
    const truth: TruthTable = { target: 'single', columns: 1, values: rare };
    const skewed = { ...drawn, strata: rare, truth };
    const [train, test] = [rows.slice(0, 600), rows.slice(600)].map((side) => selectRows(skewed, side));
    const recall = async (classWeights: Recipe['classWeights']) =>
      (await trainAndMeasure(train, test, { classWeights, dropout: 0.2 })).fused.macroF1;
    expect(await recall('balanced')).toBeGreaterThan(await recall('none'));
  });

  it('learns from rows that lack a modality, and answers them from what they have', async () => {
    const dimensions = { image: 24, text: 16 };
    const missing = { image: 0.5, text: 0.3 };
    const halved = syntheticTable({ rows: 400, classes, dimensions, missing });
    const [image, text] = halved.columns;
    const something = [...halved.strata.keys()].filter(
      (row) => image.present[row] === 1 || text.present[row] === 1,
    );
    const rows = selectRows(halved, something);
    const metrics = await trainAndMeasure(rows, rows);
    expect(metrics.fused.accuracy).toBeGreaterThan(0.85);
    expect(metrics.unimodal.image!.examples).toBeLessThan(metrics.fused.examples);
  });

  it('takes one modality alone', async () => {
    const { fused } = await trainAndMeasure(
      syntheticTable({ rows: 203, classes, dimensions: { image: 24 } }),
      syntheticTable({ rows: 100, classes, dimensions: { image: 24 }, seed: 2 }),
    );
    expect(fused.accuracy).toBeGreaterThan(0.7);
  });

  it('learns as well from windows of a training set as from all of it at once', async () => {
    const [whole, windowed] = await Promise.all(
      [undefined, 64].map((windowRows) => trainAndMeasure(table, table, {}, windowRows)),
    );
    expect(windowed.fused.accuracy).toBeGreaterThan(0.95 * whole.fused.accuracy);
  });

  it('takes fewer examples than a batch holds', async () => {
    const few = syntheticTable({ rows: 9, classes, dimensions: { image: 24, text: 16 }, strength: 4 });
    expect((await trainAndMeasure(few, few)).fused.accuracy).toBe(1);
  });

  it('stops where it is cancelled', async () => {
    const cancellation = new AbortController();
    const training = trainHead(engine, table, {
      classes,
      recipe: { ...recipe, epochs: 10_000 },
      seed: 1,
      signal: cancellation.signal,
      onProgress: () => cancellation.abort(),
    });
    await expect(training).rejects.toMatchObject({ code: 'job-cancelled' });
  });

  it.each([
    ['before its features are looked at', 0],
    ['before it answers', 1],
  ])('stops where it is cancelled %s', async (_, progressions) => {
    const cancellation = new AbortController();
    if (progressions === 0) cancellation.abort();
    const rows = [...table.strata.keys()];
    const fitting = fitHead(
      engine,
      table,
      { train: rows, test: rows },
      {
        classes,
        recipe: { ...recipe, minimumSteps: 5, epochs: 0 },
        seed: 1,
        signal: cancellation.signal,
        onProgress: ({ done, total }) => done === total && cancellation.abort(),
      },
    );
    await expect(fitting).rejects.toMatchObject({ code: 'job-cancelled' });
  });

  it('says at which step the loss stopped being finite', async () => {
    const broken = syntheticTable({ rows: 64, classes, dimensions: { image: 24, text: 16 } });
    broken.columns[0].values[5] = Number.NaN;
    await expect(trainHead(engine, broken, { classes, recipe, seed: 1 })).rejects.toMatchObject({
      code: 'training-failed',
      message: expect.stringMatching(/step \d+ of \d+/),
    });
  });
});
