import type { Dataset } from '../datasets/example.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import type { AnswerMetrics } from '../evaluation/answers.ts';
import { measureAnswers } from '../evaluation/answers.ts';
import { HeadEngines, sayingWhoStopped } from '../heads/engines.ts';
import { type Head, loadHead } from '../heads/head.ts';
import type { HeadFolder } from '../heads/registry/head-reading.ts';
import { labelsOf } from '../targets/truth.ts';
import { extractFeatures } from './features/features.ts';
import { answerRows } from './loop/answer-rows.ts';
import type { TrainingProgress } from './progress.ts';

export interface EvaluateOptions {
  dataset: Dataset;
  /** Folder of the features that earlier jobs left, and of what this one leaves. */
  featureCache?: string;
  head: HeadFolder;
  /** Milliseconds that the head may take for a run, where it was imported. */
  headTimeout: number;
  /** Ends the work between two batches. */
  signal?: AbortSignal;
  onProgress?(progress: TrainingProgress): void;
}

/**
 * Measures a head on every example of a dataset.
 * @throws TandemError `invalid-dataset` naming each row whose label the head was never taught, or that has none of
 *   the head's modalities; `head-stopped`; whatever reading the dataset or the head throws
 */
export async function evaluateHead(
  encoders: Encoders,
  { dataset, featureCache, head: version, headTimeout, signal, onProgress }: EvaluateOptions,
): Promise<AnswerMetrics> {
  await using engines = new HeadEngines({ provider: encoders.provider.provider, timeout: headTimeout });
  return await sayingWhoStopped(async () => {
    const head = await loadFittingHead(engines, version, encoders, dataset);
    const { labels } = head.manifest;
    const table = await extractFeatures(
      encoders,
      { ...dataset, labels },
      {
        cache: featureCache,
        fitting: head.manifest,
        signal,
        onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
      },
    );
    const answers = await answerRows(head, table, signal);
    return measureAnswers(answers, table.truth, head.manifest);
  });
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
  const head = await loadHead(engines.loaderOf(version), version, encoders.fingerprints);
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
