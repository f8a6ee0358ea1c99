import type { Dataset } from '../datasets/example.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { modalitiesOf } from '../evaluation/answers.ts';
import { type Answered, comparePairedAnswers, type PairedAnswers } from '../evaluation/paired-answers.ts';
import { HeadEngines, sayingWhoStopped } from '../heads/engines.ts';
import type { Head, ItemProbabilities } from '../heads/head.ts';
import { encodersOfHead } from '../heads/head-encoders.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { HeadFolder } from '../heads/registry/head-reading.ts';
import { thresholdsOf } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import { isFitted } from '../modalities/registry.ts';
import { loadFittingHead } from './evaluate-head.ts';
import { withCompanions } from './features/companion-columns.ts';
import { extractFeatures } from './features/features.ts';
import { fittedColumns } from './features/fitted-columns.ts';
import { acquaintances, answerHonestly } from './known-rows.ts';
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
  /** The examples that were compared on, and those left out because either head learned from them. */
  dataset: { name: string; hash: string; examples: number; leftOut: number };
  /** Heads that learned from examples that were compared on, which flatters them: `pets@2`. */
  trainedOnIt: string[];
}

/** Fewer examples that neither head learned from say too little. */
const fewestUnseen = 10;

function answersTo(answers: readonly ItemProbabilities[], { manifest }: Head): Answered {
  return {
    labels: manifest.labels,
    answers: answers.map(({ fused }) => fused),
    thresholdsOf: (row) => thresholdsOf(manifest, modalitiesOf(itemAt(answers, row))),
  };
}

function haveSameEncoders(first: Head, second: Head): boolean {
  const encodersIn = ({ manifest }: Head) =>
    manifest.encoders
      .flatMap(({ modality, fingerprint }) => (isFitted(modality) ? [] : [fingerprint]))
      .sort();
  return encodersIn(first).join() === encodersIn(second).join();
}

/** Of a head that keeps no record of its rows the dataset's hash tells. */
function learnedFromAny(
  trainedOn: readonly boolean[] | undefined,
  rows: readonly number[],
  { training }: HeadManifest,
  hash: string,
): boolean {
  return trainedOn ? rows.some((row) => trainedOn[row]) : training.datasetHash === hash;
}

/**
 * Lets two heads answer the examples of a dataset, and says whether either is better: on the examples that neither learned
 * from where there are enough, else on all. One that was held out counts as the head answered that never saw it.
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
    const extract = async ({ manifest }: Head) =>
      extractFeatures(await encodersOfHead(encoders, manifest), dataset, {
        cache: featureCache,
        signal,
        onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
      });
    const first = await extract(loaded[0]);
    const second = haveSameEncoders(...loaded) ? first : await extract(loaded[1]);
    const answer = async (side: 0 | 1) => {
      const head = loaded[side];
      const table = side === 0 ? first : second;
      const encoded = withCompanions(table.columns, dataset, head);
      const columns = [...encoded, ...fittedColumns(dataset, head.manifest)];
      const known = await acquaintances(heads[side], head, dataset.examples);
      return answerHonestly(head, { ...table, columns }, known, signal);
    };
    const answered = [await answer(0), await answer(1)] as const;
    const { name, hash, examples } = dataset;
    const unseen = [...examples.keys()].filter((row) => !answered.some(({ trainedOn }) => trainedOn?.[row]));
    const rows = unseen.length >= fewestUnseen ? unseen : [...examples.keys()];
    const answersOf = (side: 0 | 1) =>
      answersTo(
        rows.map((row) => itemAt(answered[side].answers, row)),
        loaded[side],
      );
    return {
      dataset: { name, hash, examples: rows.length, leftOut: examples.length - rows.length },
      trainedOnIt: loaded
        .filter(({ manifest }, side) => learnedFromAny(answered[side]?.trainedOn, rows, manifest, hash))
        .map(({ manifest }) => `${manifest.name}@${manifest.version}`),
      ...comparePairedAnswers(
        { ...dataset, examples: rows.map((row) => itemAt(examples, row)) },
        answersOf(0),
        answersOf(1),
      ),
    };
  });
}
