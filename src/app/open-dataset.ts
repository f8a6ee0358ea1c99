import { rm, stat } from 'node:fs/promises';
import { type ReadOptions, readDataset } from '../datasets/dataset.ts';
import type { ColumnNames, Dataset } from '../datasets/example.ts';
import type { ImportProgress } from '../datasets/import/import.ts';
import type { DatasetPurpose } from '../datasets/read/reading.ts';
import { tableFormatOf } from '../datasets/read/table-formats.ts';
import { TandemError } from '../errors.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { TrainingProgress } from '../training/progress.ts';
import type { Context } from './context.ts';
import { imageFetcher } from './fetch-images.ts';

/** How a data set is read: which columns hold what. */
export interface DatasetOptions extends Partial<ColumnNames> {
  /**
   * Asked once where nothing but some rows keeps a folder from being used, unless `skipBadRows` is given.
   * @returns whether to leave them out
   */
  onBadRows?: ReadOptions['onBadRows'];
  /** Whether images that a folder's table has by their addresses are downloaded, and kept in the data folder. */
  fetchImages?: boolean;
  /** Told what is no mistake but worth knowing: columns that are not used, the same content twice. */
  onNote?(note: string): void;
}

/** What may be known of something that takes a while. */
export interface ProgressOptions {
  /** Ends the work, which then throws. */
  signal?: AbortSignal;
  onProgress?(progress: TrainingProgress | ImportProgress): void;
}

interface Opening extends DatasetOptions, Pick<ProgressOptions, 'onProgress'> {
  /** What a folder's labels are read as where the options do not say. */
  usualTarget?: TargetKind;
  /** A training by default. */
  purpose?: DatasetPurpose;
}

/** A data set that is open. Images that stood in its table lie in a folder that goes with this. */
export interface OpenedDataset extends AsyncDisposable {
  dataset: Dataset;
}

/**
 * Opens a data set.
 * @param reference a folder, a table, or the id of an imported data set
 * @throws TandemError `unknown-dataset`, `invalid-dataset`; `invalid-request` where columns of an imported one are named
 * @example
 * await using opened = await openDataset(context, 'listings.parquet', {});
 * const { examples } = opened.dataset;
 */
export async function openDataset(
  context: Context,
  reference: string,
  options: Opening,
): Promise<OpenedDataset> {
  await using opening = new AsyncDisposableStack();
  let folder: Promise<string> | undefined;
  const makeFolder = async () => {
    const made = await (await context.scratch()).makeFolder();
    opening.defer(() => rm(made, { recursive: true, force: true }));
    return made;
  };
  const dataset = await findDataset(context, reference, {
    ...options,
    inlineFolder: () => (folder ??= makeFolder()),
  });
  for (const note of dataset.notes) options.onNote?.(note);
  const opened = opening.move();
  return { dataset, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function findDataset(
  context: Context,
  reference: string,
  {
    usualTarget,
    purpose,
    onBadRows,
    onNote: _,
    onProgress,
    inlineFolder,
    fetchImages,
    ...columns
  }: Opening & Pick<ReadOptions, 'inlineFolder'>,
): Promise<Dataset> {
  const found = await stat(reference).catch(() => undefined);
  if (found?.isFile() && !tableFormatOf(reference))
    throw new TandemError(
      'unknown-dataset',
      `${JSON.stringify(reference)} is a file; \`datasets import ${reference}\` takes it, and says the id to name here`,
    );
  if (found)
    return readDataset(reference, {
      onBadRows,
      inlineFolder,
      fetchFile: await imageFetcher(context, fetchImages),
      onFetched: (done, total) => onProgress?.({ stage: 'fetching', done, total }),
      followLinks: true,
      ...(usualTarget && { target: usualTarget }),
      ...columns,
      purpose,
      onProgress: (done, total) => onProgress?.({ stage: 'checking', done, total }),
    });
  const catalogue = await context.catalogue();
  return catalogue.open(reference, columns).catch((error) => {
    if (!(error instanceof TandemError) || error.code !== 'unknown-dataset') throw error;
    throw new TandemError(
      'unknown-dataset',
      `there is no folder ${JSON.stringify(reference)}, and ${error.message}`,
    );
  });
}
