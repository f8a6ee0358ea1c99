import type { Dataset } from '../datasets/example.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { modalitiesOf } from '../evaluation/answers.ts';
import { type Answered, comparePairedAnswers, type PairedAnswers } from '../evaluation/paired-answers.ts';
import { HeadEngines, sayingWhoStopped } from '../heads/engines.ts';
import type { HeadFolder } from '../heads/registry/head-reading.ts';
import { thresholdsOf } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import { loadFittingHead } from './evaluate-head.ts';
import { extractFeatures } from './features/features.ts';
import { fittedColumns } from './features/fitted-columns.ts';
import { answerRows } from './loop/answer-rows.ts';
import type { TrainingProgress } from './progress.ts';

export interface CompareOnRowsOptions {
  dataset: Dataset;
  heads: readonly [first: HeadFolder, second: HeadFolder];
  /** Milliseconds that a head may take for a run, where it was imported. */
  headTimeout: number;
  /** Folder of the features that earlier jobs left, and of what this one leaves. */
  featureCache?: string;
  /** Ends the work between two batches. */
  signal?: AbortSignal;
  onProgress?(progress: TrainingProgress): void;
}

/** What two heads say of the same examples. */
export interface RowComparison extends PairedAnswers {
  dataset: { name: string; hash: string; examples: number };
  /** Heads that were trained on this very dataset, so that most of it flatters them: `pets@2`. */
  trainedOnIt: string[];
}

/**
 * Lets two heads answer every example of a dataset, and says whether either is better.
 * @throws TandemError as `evaluateHead`, for the head that does not fit
 * @example
 * const { figures, disagreements } = await compareOnRows(encoders, { dataset, heads: [first, second], headTimeout: 5000 });
 */
export async function compareOnRows(
  encoders: Encoders,
  { dataset, heads, headTimeout, featureCache, signal, onProgress }: CompareOnRowsOptions,
): Promise<RowComparison> {
  await using engines = new HeadEngines({ provider: encoders.provider.provider, timeout: headTimeout });
  return await sayingWhoStopped(async () => {
    const load = (version: HeadFolder) => loadFittingHead(engines, version, encoders, dataset);
    const loaded = [await load(heads[0]), await load(heads[1])] as const;
    const table = await extractFeatures(encoders, dataset, {
      cache: featureCache,
      signal,
      onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
    });
    const answer = async (head: (typeof loaded)[number]): Promise<Answered> => {
      const columns = [...table.columns, ...fittedColumns(dataset, head.manifest)];
      const answers = await answerRows(head, { ...table, columns }, signal);
      return {
        labels: head.manifest.labels,
        answers: answers.map(({ fused }) => fused),
        thresholdsOf: (row) => thresholdsOf(head.manifest, modalitiesOf(itemAt(answers, row))),
      };
    };
    const { name, hash, examples } = dataset;
    return {
      dataset: { name, hash, examples: examples.length },
      trainedOnIt: loaded
        .filter(({ manifest }) => manifest.training.datasetHash === hash)
        .map(({ manifest }) => `${manifest.name}@${manifest.version}`),
      ...comparePairedAnswers(dataset, await answer(loaded[0]), await answer(loaded[1])),
    };
  });
}
