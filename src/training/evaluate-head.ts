import type { Dataset } from '../datasets/example.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import type { AnswerMetrics } from '../evaluation/answers.ts';
import { measureAnswers } from '../evaluation/answers.ts';
import { HeadEngines, sayingWhoStopped } from '../heads/engines.ts';
import { type Head, loadHead } from '../heads/head.ts';
import { encodersOfHead } from '../heads/head-encoders.ts';
import type { HeadFolder } from '../heads/registry/head-reading.ts';
import { itemAt } from '../indexing.ts';
import { labelsOf } from '../targets/truth.ts';
import type { EvaluatedSplit } from './choices.ts';
import type { EvaluatedRows } from './evaluation.ts';
import { withCompanions } from './features/companion-columns.ts';
import { extractFeatures } from './features/features.ts';
import { type Acquaintance, acquaintances, answerHonestly } from './known-rows.ts';
import type { TrainingProgress } from './progress.ts';
import type { MeasuredAnswers } from './report-input.ts';

export interface EvaluateOptions {
  dataset: Dataset;
  /** Folder of the features that earlier jobs left, and of what this one leaves. */
  featureCache?: string;
  head: HeadFolder;
  /** Which of its examples; default: those marked for testing, where the dataset marks any, else all. */
  split?: EvaluatedSplit;
  /** Milliseconds that the head may take for a run, where it was imported. */
  headTimeout: number;
  /** Ends the work between two batches. */
  signal?: AbortSignal;
  onProgress?(progress: TrainingProgress): void;
}

/** What a head scored, and on which examples. */
export interface MeasuredHead {
  metrics: AnswerMetrics;
  rows: EvaluatedRows;
  /** Every answer, with the figures of this measurement in the manifest. */
  answered: MeasuredAnswers;
}

/**
 * Measures a head on a dataset. An example that was held out when the head was trained counts as the head answered that
 * never saw it.
 * @throws TandemError `invalid-dataset` naming each row whose label the head was never taught, or that has none of
 *   the head's modalities, or where there is no such side; `head-stopped`; whatever reading the dataset or the head throws
 */
export async function evaluateHead(
  encoders: Encoders,
  { dataset: whole, split, featureCache, head: version, headTimeout, signal, onProgress }: EvaluateOptions,
): Promise<MeasuredHead> {
  await using engines = new HeadEngines({ provider: encoders.provider.provider, timeout: headTimeout });
  return await sayingWhoStopped(async () => {
    const head = await loadFittingHead(engines, version, encoders, whole);
    const { labels } = head.manifest;
    const known = await acquaintances(version, head, whole.examples);
    const { rows, measured } = chooseSide(whole, split, head, known);
    const dataset = { ...whole, examples: rows.map((row) => itemAt(whole.examples, row)) };
    const table = await extractFeatures(
      await encodersOfHead(encoders, head.manifest),
      { ...dataset, labels },
      {
        cache: featureCache,
        modalities: head.manifest.encoders.map(({ modality }) => modality),
        fitting: head.manifest,
        signal,
        onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
      },
    );
    const { length: total } = dataset.examples;
    onProgress?.({ stage: 'evaluation', done: 0, total });
    const { answers, trainedOn } = await answerHonestly(
      head,
      { ...table, columns: withCompanions(table.columns, dataset, head) },
      known && rows.map((row) => itemAt(known, row)),
      signal,
    );
    const metrics = measureAnswers(answers, table.truth, head.manifest);
    onProgress?.({ stage: 'evaluation', done: total, total });
    return {
      metrics,
      rows: {
        split: measured,
        examples: total,
        trainedOn: trainedOn?.filter(Boolean).length,
      },
      answered: {
        manifest: { ...head.manifest, metrics },
        test: dataset.examples.map((example, row) => ({ ...example, probabilities: itemAt(answers, row) })),
        truth: table.truth,
        trainedOn,
      },
    };
  });
}

/** The examples to measure on, by their place in the dataset. */
function chooseSide(
  { name, examples }: Dataset,
  asked: EvaluatedSplit | undefined,
  head: Head,
  known: readonly Acquaintance[] | undefined,
): { rows: number[]; measured: EvaluatedSplit } {
  const all = [...examples.keys()];
  const marksTests = examples.some(({ split }) => split === 'test');
  const measured = asked ?? (marksTests ? 'test' : 'all');
  if (measured === 'all') return { rows: all, measured };
  const sides = marksTests
    ? examples.map(({ split }) => split ?? 'train')
    : known?.map(({ kind }) => (kind === 'new' ? undefined : kind === 'trained' ? 'train' : 'test'));
  const rows = all.filter((row) => sides?.[row] === measured);
  if (rows.length > 0) return { rows, measured };
  const { name: headName, version: number } = head.manifest;
  throw new TandemError(
    'invalid-dataset',
    `${name} marks no rows as ${measured}, and ${headName}@${number} keeps no record of any as its own: ask for no split (--split) to measure all ${examples.length}`,
  );
}

/**
 * Loads a head that is to answer every example of a dataset.
 * @throws TandemError as `loadHead`; `invalid-dataset` naming each row that the head cannot answer or be judged by
 */
export async function loadFittingHead(
  engines: HeadEngines,
  version: HeadFolder,
  encoders: Encoders,
  dataset: Dataset,
): Promise<Head> {
  const head = await loadHead(engines.loaderOf(version), version, encoders);
  const { name, version: number, target, labels, encoders: taken } = head.manifest;
  if (dataset.target !== target)
    throw new TandemError(
      'invalid-dataset',
      `the labels of ${dataset.name} were read as ${dataset.target}, but the target of ${name}@${number} is ${target}`,
    );
  const known = new Set(labels);
  const items = dataset.examples.flatMap((example) => {
    const at = `row ${example.row}`;
    const unknown = labelsOf(example.truth).find((label) => !known.has(label));
    if (unknown !== undefined)
      return [{ at, detail: `the head was never taught the label ${JSON.stringify(unknown)}` }];
    if (!taken.some(({ modality }) => example.content[modality] !== undefined))
      return [{ at, detail: `it has no ${taken.map(({ modality }) => modality).join(' and no ')}` }];
    return [];
  });
  if (items.length === 0) return head;
  throw new TandemError(
    'invalid-dataset',
    `${items.length} of ${dataset.examples.length} rows do not fit ${name}@${number}; its labels are ${labels.join(', ')}`,
    { items: items.slice(0, 100) },
  );
}
