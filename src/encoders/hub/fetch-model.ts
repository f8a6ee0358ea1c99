import path from 'node:path';
import { exists } from '../../store/files/exists.ts';
import { chooseModel } from '../model/choose.ts';
import type { ModelSettings } from '../model/reader.ts';
import { sourceFiles } from '../model/source-files.ts';
import { DownloadError } from './download-error.ts';
import { differenceOf, downloadFile } from './download-file.ts';
import type { Hub } from './hub.ts';
import { type HubFile, type Listing, listFiles } from './listing.ts';
import {
  cachedSnapshot,
  knownCommit,
  rememberCommit,
  snapshotFolder,
  takeFromOtherCaches,
} from './model-cache.ts';
import { idOf, type ModelName } from './model-name.ts';
import { keepPairNumbers } from './pair-numbers.ts';

/** How far a download is, in bytes of all its files. */
export interface DownloadProgress {
  stage: 'downloading';
  done: number;
  total: number;
}

export interface FetchOptions extends Pick<ModelSettings, 'modality' | 'dtype'> {
  signal?: AbortSignal;
  onProgress?(progress: DownloadProgress): void;
}

/**
 * Gets the files of a model that an encoder is made of: from the caches where they are there, else from the hub. What is
 * half downloaded resumes.
 * @returns the folder, of a commit, in a cache
 * @throws DownloadError; TandemError `invalid-encoder` where the model has no ONNX file that can be chosen
 * @example const folder = await fetchModel(hub, { owner: 'Xenova', name: 'bge-small-en-v1.5' });
 */
export async function fetchModel(
  hub: Hub,
  model: ModelName,
  { signal = new AbortController().signal, onProgress, ...choice }: FetchOptions = {},
): Promise<string> {
  if (hub.isOffline) return offlineSnapshot(hub, model);
  const listing = await listFiles(hub, model, signal);
  const { commit } = listing;
  const folder = snapshotFolder(hub.cache, model, commit);
  const absent: { file: HubFile; target: string }[] = [];
  for (const file of neededFiles(listing, model, choice)) {
    const target = path.join(folder, file.name);
    if (!(await isThere(hub, model, { commit, file, target }))) absent.push({ file, target });
  }
  const total = absent.reduce((sum, { file }) => sum + (file.bytes ?? 0), 0);
  let before = 0;
  let last = -1;
  for (const { file, target } of absent) {
    const onBytes = (bytes: number) => {
      const done = Math.min(before + bytes, total);
      if (done !== last) onProgress?.({ stage: 'downloading', done, total });
      last = done;
    };
    await downloadFile(hub, { model, commit, file, target, signal, onBytes });
    before += file.bytes ?? 0;
  }
  await keepPairNumbers(hub, folder, { model, listing, signal });
  await rememberCommit(hub, model, commit);
  return folder;
}

/**
 * The commit that a model's revision stands for: now, as the hub says, or offline when a cache met it.
 * @throws DownloadError
 * @example await commitOf(hub, { owner: 'Xenova', name: 'bge-small-en-v1.5', revision: 'main' }) // '0123…'
 */
export async function commitOf(hub: Hub, model: ModelName): Promise<string> {
  if (!hub.isOffline) return (await listFiles(hub, model, new AbortController().signal)).commit;
  return path.basename(await offlineSnapshot(hub, model));
}

/** Whether a file is in a cache as the hub lists it. */
async function isThere(
  hub: Hub,
  model: ModelName,
  { commit, file, target }: { commit: string; file: HubFile; target: string },
): Promise<boolean> {
  if (
    !(await exists(target)) &&
    !(await takeFromOtherCaches(hub, model, { commit, name: file.name, target }))
  )
    return false;
  return (await differenceOf(target, file)) === undefined;
}

/** @throws DownloadError where no cache has the model */
async function offlineSnapshot(hub: Hub, model: ModelName): Promise<string> {
  const commit = await knownCommit(hub, model);
  const folder = commit && (await cachedSnapshot(hub, model, commit));
  if (folder) return folder;
  const { revision = 'main' } = model;
  throw new DownloadError(
    `${idOf(model)}@${revision} is not in ${[hub.cache, ...hub.otherCaches].join(' or ')}, and nothing is downloaded offline`,
    { fix: 'Download it once without --offline on, or name a commit that is there.' },
  );
}

/** The files that an encoder is made of. */
function neededFiles(
  { files }: Listing,
  model: ModelName,
  choice: Pick<ModelSettings, 'modality' | 'dtype'>,
): HubFile[] {
  const names = files.map(({ name }) => name);
  const { weights } = chooseModel(
    { path: idOf(model), names, has: (name) => names.includes(name), exportTo: model.name },
    choice,
  );
  const needed = new Set(sourceFiles(names, weights.name));
  return files.filter(({ name }) => needed.has(name));
}
