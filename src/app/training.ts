import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { throwIfCancelled } from '../cancellation.ts';
import { isColumnName } from '../datasets/dataset.ts';
import type { SplitChoice } from '../datasets/split/split-rows.ts';
import type { EncoderNames } from '../encoders/encoder-names.ts';
import { TandemError } from '../errors.ts';
import { parseHeadManifest } from '../heads/head.ts';
import { checkHeadName } from '../heads/registry/head-name.ts';
import { required } from '../indexing.ts';
import { checkFormat, writePredictions } from '../reports/prediction-rows.ts';
import { writeComparisonReport, writeEvaluationReport, writeReport } from '../reports/report.ts';
import type { EvaluatedSplit, TuningRequest } from '../training/choices.ts';
import { compareStrategies } from '../training/compare.ts';
import { compareOnRows, type RowComparison } from '../training/compare-on-rows.ts';
import { compareTuning, type TunedComparison } from '../training/compare-tuning.ts';
import type { Comparison } from '../training/comparison.ts';
import { evaluateHead } from '../training/evaluate-head.ts';
import type { Evaluation } from '../training/evaluation.ts';
import { fineTune, type HeadTraining } from '../training/fine-tune.ts';
import { chooseRecipe, type RecipeChoices } from '../training/loop/recipe.ts';
import type { TrainingSummary } from '../training/progress.ts';
import { tuningChoice } from '../training/tuning-choice.ts';
import { encodersOfStart, readStart } from '../training/zero-shot/start.ts';
import {
  checkOptions,
  compareOptions,
  compareTuningOptions,
  evaluateOptions,
  trainOptions,
} from './check-options.ts';
import type { Context } from './context.ts';
import { featureCache } from './encoder-settings.ts';
import { type DatasetOptions, openDataset, type ProgressOptions } from './open-dataset.ts';

/** `imageEncoder`, `textEncoder`: in the place of those that the settings name. */
export interface TrainOptions
  extends DatasetOptions,
    ProgressOptions,
    HeadTraining,
    EncoderNames,
    Partial<RecipeChoices>,
    TuningRequest {
  /**
   * Blocks of encoders to train with the head: `text:last-2`, `image:last-1`, or both in a list; or adapters of a rank on them,
   * `text:lora-8`; `auto` tries both encoders. One encoder makes the features of the modality then. Where it does not pay, the
   * head keeps the encoders.
   */
  tune?: string | string[];
  /**
   * A head of label names to start from, `animals` or `animals@1`: the training takes its encoders, and few examples are
   * blended with the names, so that they answer no worse than the names alone.
   */
  startFrom?: string;
}

export interface CompareOptions extends DatasetOptions, ProgressOptions, EncoderNames, SplitChoice {
  /** How many splits to train on, 2 or more; 5 by default. */
  seeds?: number;
  /** File for what was found, as a page that opens anywhere. */
  report?: string;
}

export interface CompareTuningOptions extends Omit<CompareOptions, 'report'> {
  /** As for a training; `auto` tunes all encoders at once. */
  tune: string | string[];
}

export interface EvaluateOptions extends DatasetOptions, ProgressOptions {
  /** `pets`, `pets@3` or `pets@production`. */
  head: string;
  /**
   * Which examples: `all`, or a side that the data set marks; where it marks none, the side that the head was trained or
   * measured on. By default those marked for testing, where there are any, else all.
   */
  split?: EvaluatedSplit;
  /** File for every answer beside what is true: `.csv`, `.tsv` or `.jsonl`. */
  predictions?: string;
  /** File for what was found, as a page that opens anywhere. */
  report?: string;
}

const defaultSeeds = 5;

/** See `Tandem.train`. */
export async function train(
  context: Context,
  reference: string,
  options: TrainOptions,
): Promise<TrainingSummary> {
  checkOptions(trainOptions, options);
  const { head, seed, search, refit, acceptAccuracy, checkpoints, testShare, splitBy } = options;
  const { signal, onProgress, onNote } = options;
  checkHeadName(head);
  const recipe = chooseRecipe(options);
  const registry = await context.registry();
  const startFrom =
    options.startFrom === undefined ? undefined : readStart(await registry.open(options.startFrom));
  const ofStart = startFrom && encodersOfStart(startFrom);
  const encoders = await context.encodersFor({
    imageEncoder: options.imageEncoder ?? ofStart?.imageEncoder,
    textEncoder: options.textEncoder ?? ofStart?.textEncoder,
  });
  await using opened = await openDataset(context, reference, datasetOptionsOf(options));
  const { dataset } = opened;
  throwIfCancelled(signal, 'after the dataset was read');
  const place = await context.encoderOptions();
  return await fineTune(encoders, registry, {
    ...{ head, seed, search, refit, acceptAccuracy, checkpoints, testShare, splitBy },
    ...{ dataset, recipe, startFrom, signal, onNote, onProgress },
    featureCache: featureCache(context.settings),
    tuning: await tuningChoice(options, encoders, { place, dataset, modality: recipe.modality }),
    threads: context.settings.threads,
    writeReport,
  });
}

/** See `Tandem.compare`. */
export async function compare(
  context: Context,
  reference: string,
  options: CompareOptions,
): Promise<Comparison> {
  checkOptions(compareOptions, options);
  const { seeds = defaultSeeds, report, testShare, splitBy, signal, onNote, onProgress } = options;
  if (report !== undefined) await checkFolderOf(report, 'report');
  const encoders = await context.encodersFor(options);
  await using opened = await openDataset(context, reference, datasetOptionsOf(options));
  const { dataset } = opened;
  throwIfCancelled(signal, 'after the dataset was read');
  const comparison = await compareStrategies(encoders, {
    ...{ dataset, testShare, splitBy, signal, onNote, onProgress },
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    featureCache: featureCache(context.settings),
    threads: context.settings.threads,
  });
  if (report !== undefined) await writeComparisonReport(report, comparison);
  return comparison;
}

/** See `Tandem.compareTuning`. */
export async function compareTunedHeads(
  context: Context,
  reference: string,
  options: CompareTuningOptions,
): Promise<TunedComparison> {
  checkOptions(compareTuningOptions, options);
  const { seeds = defaultSeeds, tune, testShare, splitBy, signal, onNote, onProgress } = options;
  const encoders = await context.encodersFor(options);
  await using opened = await openDataset(context, reference, datasetOptionsOf(options));
  const { dataset } = opened;
  throwIfCancelled(signal, 'after the dataset was read');
  return await compareTuning(encoders, {
    ...{ dataset, testShare, splitBy, signal, onNote, onProgress },
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    tuning: required(
      await tuningChoice({ tune }, encoders, { place: await context.encoderOptions(), dataset }),
      'what is to be tuned',
    ),
    featureCache: featureCache(context.settings),
    threads: context.settings.threads,
  });
}

/** See `Tandem.evaluate`. */
export async function evaluate(
  context: Context,
  reference: string,
  options: EvaluateOptions,
): Promise<Evaluation> {
  checkOptions(evaluateOptions, options);
  const { predictions, report } = options;
  for (const [option, file] of Object.entries({ predictions, report }))
    if (file !== undefined) await checkFolderOf(file, option);
  if (predictions !== undefined) checkFormat(predictions);
  const version = await (await context.registry()).open(options.head);
  const { name, version: number } = version;
  const { target } = parseHeadManifest(version.manifest, `${name}@${number}`);
  await using opened = await openDataset(context, reference, {
    ...datasetOptionsOf(options),
    ...{ usualTarget: target, purpose: 'measuring' },
  });
  const { dataset } = opened;
  throwIfCancelled(options.signal, 'after the dataset was read');
  const { answered, ...measured } = await evaluateHead(await context.encoders(), {
    ...{ dataset, head: version, split: options.split },
    ...{ signal: options.signal, onProgress: options.onProgress },
    featureCache: featureCache(context.settings),
    headTimeout: context.settings['head-timeout'],
  });
  if (predictions !== undefined) await writePredictions(predictions, answered);
  if (report !== undefined)
    await writeEvaluationReport(report, { ...answered, evaluated: dataset.name, notes: dataset.notes });
  return { head: { name, version: number }, target, dataset: dataset.name, ...measured };
}

/** See `Heads.compare`. */
export async function compareOnDataset(
  context: Context,
  [first, second]: readonly [first: string, second: string],
  reference: string,
  options: DatasetOptions & ProgressOptions,
): Promise<RowComparison> {
  const registry = await context.registry();
  const heads = [await registry.open(first), await registry.open(second)] as const;
  const { target } = parseHeadManifest(heads[0].manifest, first);
  await using opened = await openDataset(context, reference, {
    ...datasetOptionsOf(options),
    ...{ usualTarget: target, purpose: 'measuring' },
  });
  const { dataset } = opened;
  throwIfCancelled(options.signal, 'after the dataset was read');
  return await compareOnRows(await context.encoders(), {
    ...{ dataset, heads, signal: options.signal, onProgress: options.onProgress },
    featureCache: featureCache(context.settings),
    headTimeout: context.settings['head-timeout'],
  });
}

/** @throws TandemError `invalid-request` before a long comparison rather than after it */
async function checkFolderOf(file: string, option: string): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  await access(folder, constants.W_OK).catch(() => {
    throw new TandemError('invalid-request', `${option}: nothing can be written into ${folder}`);
  });
}

/** The part of the options that says how the data set is read. */
function datasetOptionsOf(options: DatasetOptions & ProgressOptions): DatasetOptions & ProgressOptions {
  const given = Object.entries(options).filter(([name, value]) => isColumnName(name) && value !== undefined);
  const { onBadRows, fetchImages, onNote, onProgress } = options;
  return { ...Object.fromEntries(given), onBadRows, fetchImages, onNote, onProgress };
}
