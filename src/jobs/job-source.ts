import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatasetCatalogue } from '../datasets/catalogue.ts';
import { checkReading } from '../datasets/dataset-record.ts';
import { isStoredDataset } from '../datasets/examples-file.ts';
import { TandemError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { JobTask, TrainingPlace } from './task.ts';

/** The id of a dataset or the name of a folder, or a file that was uploaded and what its sender calls it. */
export type RequestedSource = { dataset: string } | { file: string; fileName: string };

/**
 * What a job is to train on: an imported dataset by its id, a folder among the server's by its name, or an upload, which is
 * taken in and belongs to the job from here on.
 * @param id of the job
 * @throws TandemError `unknown-dataset`; `invalid-request` for columns of an imported dataset, and for a folder of this server
 *   where another may run the job
 */
export async function takeSource(
  { store, place }: { store: Store; place: Pick<TrainingPlace, 'datasets'> },
  id: string,
  { source, reading }: { source: RequestedSource; reading: JobTask['reading'] },
): Promise<JobTask['source']> {
  if ('file' in source) {
    const upload = `jobs/${id}/upload`;
    await store.artifacts.take(upload, source.file);
    return { upload, fileName: source.fileName };
  }
  const name = source.dataset;
  const catalogue = new DatasetCatalogue(store);
  const record = await catalogue.find(name);
  if (record) {
    checkReading(record, reading);
    return { imported: name };
  }
  const folder = path.join(place.datasets, name);
  const isFolder =
    path.dirname(folder) === path.normalize(place.datasets) &&
    (await stat(folder).catch(() => undefined))?.isDirectory() &&
    !(await isStoredDataset(folder).catch(() => false));
  if (isFolder) {
    if (store.options.databaseUrl !== undefined) throw localFolder(name);
    return { folder: name };
  }
  const imported = (await catalogue.list()).records.map(({ id }) => id);
  const folders = await readdir(place.datasets).catch(() => []);
  // Files of imported ones may lie in the same place, in folders that are called like them.
  const known = [...new Set([...imported, ...folders])];
  throw new TandemError(
    'unknown-dataset',
    `no dataset is named ${JSON.stringify(name)}; ${known.length > 0 ? `there are: ${known.join(', ')}` : 'there is none yet'}`,
  );
}

/** Another server that runs the job would not have the folder. */
function localFolder(name: string): TandemError {
  return new TandemError(
    'invalid-request',
    `the dataset ${name} is a folder of this server, and any server of this database may run the job`,
    {
      fix: `Import the folder first: POST /v1/datasets with {"folder":"${name}"}, then name the id that it answers.`,
    },
  );
}
