import { mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import type { DatasetCatalogue } from '../catalogue.ts';
import { checkDataset, type DatasetCheck, type ReadOptions } from '../dataset.ts';
import { checkDatasetName, nameOfFile, nameOfFolder } from '../dataset-name.ts';
import type { DatasetRecord } from '../dataset-record.ts';
import type { ColumnNames } from '../example.ts';
import { describeProblems } from '../read/findings.ts';
import { tableFormatOf } from '../read/table-formats.ts';
import { unpackUpload } from '../upload/unpack.ts';

/** Where a dataset comes from: a folder or a table whose images lie beside it, or one file with what its owner called it. */
export type DatasetSource = { folder: string } | { file: string; fileName: string };

export interface ImportOptions extends Partial<ColumnNames> {
  /** Folder for what is unpacked meanwhile; on the same disk as the data, and emptied of it at the end. */
  workspace: string;
  /** Name of the dataset; else that of the file or the folder. */
  name?: string;
  /** What the import calls itself in the catalogue; see `DatasetCatalogue.abandon`. */
  importing?: string;
  /** Whether links may lead out of a folder; nothing that was sent has any. */
  followLinks?: boolean;
  fetchFile?: ReadOptions['fetchFile'];
  onBadRows?: ReadOptions['onBadRows'];
  onProgress?(progress: ImportProgress): void;
}

/** `fetching` counts images that are downloaded, `checking` examples, `storing` distinct images. */
export interface ImportProgress {
  stage: 'fetching' | 'checking' | 'storing';
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
  return withChecked(source, options, async ({ name, problems, problemCount, dataset }) => {
    if (!dataset) throw describeProblems(name, problems, problemCount);
    const onProgress = (done: number, total: number) =>
      options.onProgress?.({ stage: 'storing', done, total });
    return catalogue.add(dataset, name, onProgress, options.importing);
  });
}

async function withChecked<Result>(
  source: DatasetSource,
  { workspace, name, importing: _, onProgress, ...columns }: ImportOptions,
  use: (check: DatasetCheck) => Promise<Result>,
): Promise<Result> {
  if (name !== undefined) checkDatasetName(name);
  const scratch = await mkdtemp(join(workspace, '.import-'));
  try {
    if ('file' in source) await checkPermissions(source.file, source.fileName);
    const folder =
      'folder' in source
        ? source.folder
        : await unpackUpload(source.file, source.fileName, join(scratch, 'unpacked'));
    const called =
      name ??
      ('file' in source
        ? nameOfFile(source.fileName)
        : tableFormatOf(source.folder)
          ? nameOfFile(source.folder)
          : nameOfFolder(await realpath(source.folder).catch(() => source.folder)));
    const check = await checkDataset(folder, {
      ...columns,
      name: called,
      inlineFolder: async () => join(scratch, 'images'),
      onFetched: (done, total) => onProgress?.({ stage: 'fetching', done, total }),
      onProgress: (done, total) => onProgress?.({ stage: 'checking', done, total }),
    });
    return await use(check);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** @throws TandemError `invalid-dataset` where the file may not be read */
async function checkPermissions(file: string, name: string): Promise<void> {
  const handle = await open(file).catch((error) => {
    const detail = problemOfPermissions(error);
    throw detail === undefined ? error : describeProblems(name, [{ at: name, detail }]);
  });
  await handle.close();
}
