import { link, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { copyDurably } from '../../store/files/durable.ts';
import { missing } from '../../store/files/missing.ts';
import type { Hub } from './hub.ts';
import { isCommit, type ModelName } from './model-name.ts';

/** A model's folder in a cache that is laid out as that of Python's hub client. */
function modelFolder(cache: string, { owner, name }: ModelName): string {
  return path.join(cache, `models--${owner}--${name}`);
}

/** @example snapshotFolder('data/hub', model, '0123…') // 'data/hub/models--Xenova--bge-small-en-v1.5/snapshots/0123…' */
export function snapshotFolder(cache: string, model: ModelName, commit: string): string {
  return path.join(modelFolder(cache, model), 'snapshots', commit);
}

/**
 * The commit that a branch or tag stood for when a cache met it; undefined where no cache has.
 * @example await knownCommit(hub, { owner: 'Xenova', name: 'bge-small-en-v1.5' })
 */
export async function knownCommit(hub: Hub, model: ModelName): Promise<string | undefined> {
  const { revision = 'main' } = model;
  if (isCommit(revision)) return revision;
  for (const cache of [hub.cache, ...hub.otherCaches]) {
    const text = await readFile(path.join(modelFolder(cache, model), 'refs', revision), 'utf8').catch(
      missing,
    );
    const commit = text?.trim();
    if (commit && isCommit(commit)) return commit;
  }
  return undefined;
}

/** Remembers what commit a branch or tag stands for. */
export async function rememberCommit({ cache }: Hub, model: ModelName, commit: string): Promise<void> {
  const { revision = 'main' } = model;
  if (isCommit(revision)) return;
  const file = path.join(modelFolder(cache, model), 'refs', revision);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, commit);
}

/** The folder of a commit, in the first cache that has one; undefined where none has. */
export async function cachedSnapshot(
  hub: Hub,
  model: ModelName,
  commit: string,
): Promise<string | undefined> {
  for (const cache of [hub.cache, ...hub.otherCaches]) {
    const folder = snapshotFolder(cache, model, commit);
    if ((await stat(folder).catch(missing))?.isDirectory()) return folder;
  }
  return undefined;
}

/** Takes a file from a cache of Python's client: as a second name of it where the disk is the same, else as a copy. */
export async function takeFromOtherCaches(
  hub: Hub,
  model: ModelName,
  { commit, name, target }: { commit: string; name: string; target: string },
): Promise<boolean> {
  for (const cache of hub.otherCaches) {
    const from = await realpath(path.join(snapshotFolder(cache, model, commit), name)).catch(missing);
    if (from === undefined) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await link(from, target).catch(() => copyDurably(from, target));
    return true;
  }
  return false;
}
