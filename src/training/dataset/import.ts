import { mkdtemp, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { DatasetCatalogue, DatasetRecord } from './catalogue.ts';
import { checkDataset, type DatasetCheck } from './dataset.ts';
import type { ColumnNames } from './example.ts';
import { describeProblems } from './problems.ts';
import { unpackUpload } from './upload/unpack.ts';

/** Where a dataset comes from: a folder, or one file (zip, tar, CSV or JSONL) with what its owner called it. */
export type DatasetSource = { folder: string } | { file: string; fileName: string };

export interface ImportOptions extends Partial<ColumnNames> {
  /** Folder for what is unpacked meanwhile; on the same disk as the data, and emptied of it at the end. */
  workspace: string;
  /** Name of the dataset; else that of the file or the folder. */
  name?: string;
  onProgress?(progress: ImportProgress): void;
}

/** `checking` counts examples, `storing` distinct pictures. */
export interface ImportProgress {
  stage: 'checking' | 'storing';
  done: number;
  total: number;
}

/**
 * Unpacks and checks a dataset without keeping anything of it.
 * @throws TandemError `invalid-dataset` where the archive itself cannot be used, or holds no dataset
 * @example const { problems, counts } = await tryImport({ file: 'uploads/7f', fileName: 'pets.zip' }, { workspace: 'data/uploads' });
 */
export function tryImport(source: DatasetSource, options: ImportOptions): Promise<DatasetCheck> {
  return withChecked(source, options, async (check) => check);
}

/**
 * Brings a dataset into the catalogue: unpacked, checked as a whole, then stored. On failure nothing stays.
 * @throws TandemError `invalid-dataset` with every problem (the first 100 of them), `unknown-dataset`
 * @example const { record } = await importDataset(catalogue, { folder: 'photos' }, { workspace: 'data/uploads' });
 */
export function importDataset(
  catalogue: DatasetCatalogue,
  source: DatasetSource,
  options: ImportOptions,
): Promise<{ record: DatasetRecord; isNew: boolean }> {
  return withChecked(source, options, async ({ name, problems, dataset }) => {
    if (!dataset) throw describeProblems(name, problems);
    return catalogue.add(dataset, name, (done, total) =>
      options.onProgress?.({ stage: 'storing', done, total }),
    );
  });
}

async function withChecked<Result>(
  source: DatasetSource,
  { workspace, name, onProgress, ...columns }: ImportOptions,
  use: (check: DatasetCheck) => Promise<Result>,
): Promise<Result> {
  const scratch = await mkdtemp(join(workspace, '.import-'));
  try {
    const folder =
      'folder' in source
        ? source.folder
        : await unpackUpload(source.file, source.fileName, join(scratch, 'unpacked'));
    const called = name ?? ('folder' in source ? undefined : stemOf(source.fileName));
    const check = await checkDataset(folder, {
      ...columns,
      name: called,
      inlineFolder: join(scratch, 'pictures'),
      onProgress: (done, total) => onProgress?.({ stage: 'checking', done, total }),
    });
    return await use(check);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** `pets` of `pets.tar.gz`. */
function stemOf(fileName: string): string {
  const whole = basename(fileName);
  const stem = whole.slice(0, whole.length - extname(whole).length).replace(/\.tar$/i, '');
  return stem || 'dataset';
}
