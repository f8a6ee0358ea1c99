import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import type { Encoders } from '../inference/encoders.ts';
import { type HeadManifest, headFiles } from '../inference/head-manifest.ts';
import { product } from '../product.ts';
import { Engine } from '../runtime/engine.ts';
import { runtimeVersion } from '../runtime/provider.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import type { HeadRegistry } from '../store/heads/heads.ts';
import { type Dataset, hashInNoOrder } from './dataset/dataset.ts';
import { measureAnswers } from './evaluation/answers.ts';
import { selectRows } from './features/feature-table.ts';
import { extractFeatures } from './features/features.ts';
import { fitHead } from './fit.ts';
import type { TrainingProgress, TrainingSummary } from './progress.ts';
import { checkRecipe, type Recipe, recipeFor } from './recipe.ts';
import { writeReport } from './report.ts';
import { searchRecipe } from './search/recipe-search.ts';
import { nearDuplicates } from './splitting/near-duplicates.ts';
import type { SplitMethod } from './splitting/split.ts';
import { splitRows } from './splitting/split-rows.ts';
import { groupTwins } from './splitting/twins.ts';
import { CheckpointFolder } from './steps/checkpoints.ts';
import { readSummary } from './summary.ts';

export interface FineTuneOptions {
  dataset: Dataset;
  /** Folder of the features that earlier jobs left, and of what this one leaves. */
  featureCache?: string;
  /** Name of the head; a name that exists gets its next version. */
  head: string;
  /** What differs from the default recipe for the number of examples. */
  recipe?: Partial<Recipe>;
  /** Whether cross-validation on the training split chooses what the recipe leaves open, and calibrates the answers. */
  search: boolean;
  seed: number;
  /** Share of the examples that is kept back to measure the head on, where the dataset has no split of its own. */
  testShare: number;
  /** How the test side is drawn; by strata unless said. */
  splitBy?: SplitMethod;
  /** Threads that ONNX Runtime trains on; 0 leaves the number to it. */
  threads: number;
  /**
   * A folder that this fine-tuning has to itself: it keeps the trainings' states there, goes on from them where it was
   * interrupted, and removes them when the head is registered.
   */
  checkpoints?: string;
  /** The job that this is the work of, which makes no second version. */
  job?: string;
  signal?: AbortSignal;
  /** Told what a person may want to know and need not do anything about. */
  onNote?(note: string): void;
  onProgress?(progress: TrainingProgress): void;
}

/**
 * The whole way from a dataset to a registered head: encode it, train on the training
 * split, measure on the test split (read here, once, at the end), write the report, register the version.
 * @throws TandemError `invalid-dataset`, `invalid-recipe`, `job-cancelled`, `training-failed`
 * @example
 * const { version, metrics } = await fineTune(encoders, registry, { dataset: await readDataset('pets'), head: 'pets', … });
 */
export async function fineTune(
  encoders: Encoders,
  registry: HeadRegistry,
  options: FineTuneOptions,
): Promise<TrainingSummary> {
  const { dataset, seed, signal, onProgress } = options;
  const started = performance.now();
  const { train, test } = splitRows(dataset, options);
  const recipe = { ...recipeFor(train.length), ...options.recipe };

  const table = await extractFeatures(encoders, dataset, {
    cache: options.featureCache,
    signal,
    onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
  }).catch((error) => {
    throw signal?.aborted
      ? new TandemError('job-cancelled', 'stopped while encoding', { cause: error })
      : error;
  });
  checkRecipe(recipe, table);
  const encoded = performance.now();

  const { provider } = encoders.provider;
  const checkpoints =
    options.checkpoints === undefined
      ? undefined
      : new CheckpointFolder(
          options.checkpoints,
          {
            dataset: dataset.hash,
            encoders: encoders.fingerprints,
            train,
            provider,
            threads: options.threads,
            versions: [product.version, runtimeVersion],
          },
          { onNote: options.onNote },
        );
  const search = options.search
    ? await searchRecipe(table, train, {
        classes: dataset.labels.length,
        recipe,
        seed,
        groups: groupTwins(dataset.examples),
        provider,
        threads: options.threads,
        signal,
        checkpoints,
        onProgress: (done, total) => onProgress?.({ stage: 'search', done, total }),
      })
    : undefined;
  const engine = Engine.start({ provider, threads: options.threads });
  try {
    const { weights, answers, history } = await fitHead(
      engine,
      table,
      { train, test },
      {
        classes: dataset.labels.length,
        recipe: search?.recipe ?? recipe,
        calibration: search?.calibration,
        seed,
        signal,
        checkpoint: checkpoints?.stage('final'),
        onProgress: (progress) => onProgress?.({ stage: 'training', ...progress }),
      },
    );
    const trained = performance.now();

    const modalities = table.columns.map(({ modality }) => modality);
    const manifest: Omit<HeadManifest, 'version' | 'metrics' | 'weights'> = {
      format: 1,
      name: options.head,
      createdAt: new Date().toISOString(),
      target: dataset.target,
      labels: dataset.labels,
      thresholds: search?.thresholds,
      encoders: modalities.map((modality) => {
        const { id, dimension, fingerprint } = encoders[modality];
        return { modality, id, dimension, fingerprint };
      }),
      training: {
        dataset: dataset.name,
        datasetHash: dataset.hash,
        testHash: hashInNoOrder(test.map((row) => dataset.examples[row])),
        examples: { training: train.length, test: test.length },
        seed,
        provider,
        seconds: {
          features: seconds(started, encoded),
          training: seconds(encoded, trained),
          total: seconds(started, performance.now()),
        },
        recipe: { ...(search?.recipe ?? recipe) },
        search: search?.report,
      },
      calibration: search?.calibration,
    };
    const metrics = measureAnswers(answers, selectRows({ ...table, columns: [] }, test), search?.thresholds);
    const twins = await nearDuplicates(engine, table, { train, test });
    onProgress?.({ stage: 'evaluation', done: test.length, total: test.length });

    const registered = await registry.register(
      options.head,
      async (folder, version) => {
        const weightsFile = path.join(folder, headFiles.weights);
        await writeFile(weightsFile, weights);
        const complete: HeadManifest = {
          ...manifest,
          version,
          metrics,
          weights: await sha256OfFile(weightsFile),
        };
        await writeFile(path.join(folder, headFiles.manifest), `${JSON.stringify(complete, null, 2)}\n`);
        const examples = test.map((row, index) => ({
          ...dataset.examples[row],
          probabilities: answers[index],
        }));
        await writeReport(path.join(folder, headFiles.report), {
          manifest: complete,
          history,
          test: examples,
          targets: selectRows({ ...table, columns: [] }, test).targets,
          nearDuplicates: twins?.map((twin) => ({
            test: examples[test.indexOf(twin.test)],
            train: dataset.examples[twin.train],
            similarity: twin.similarity,
          })),
        });
      },
      options.job,
    );
    await checkpoints?.clear();
    return readSummary(registered);
  } finally {
    await engine.close();
  }
}

function seconds(from: number, to: number): number {
  return Math.round((to - from) / 10) / 100;
}
