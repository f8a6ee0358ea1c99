import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sha256OfFile } from '../../store/files/checksum.ts';
import { missing } from '../../store/files/missing.ts';
import { DownloadError } from './download-error.ts';
import { askHub, type Hub } from './hub.ts';
import type { HubFile } from './listing.ts';
import { idOf, type ModelName } from './model-name.ts';
import { retrying } from './retrying.ts';

/** A file of a commit, and where it is to lie. */
export interface Download {
  model: ModelName;
  commit: string;
  file: HubFile;
  target: string;
  signal: AbortSignal;
  /** Told how many of its bytes are there. */
  onBytes?(bytes: number): void;
}

/**
 * Downloads a file of a model. What came before a cut is kept beside the target, and the rest is asked for; the target gets
 * its name when its hash is the one that the hub lists.
 * @throws DownloadError where it cannot be had, or differs from what the hub lists: then nothing stays of it
 */
export async function downloadFile(hub: Hub, download: Download): Promise<void> {
  const { target, file, signal } = download;
  const partial = `${target}.part`;
  await mkdir(path.dirname(target), { recursive: true });
  let most = await sizeOf(partial);
  const isResumed = most > 0;
  const hasProgressed = async () => {
    const before = most;
    most = Math.max(most, await sizeOf(partial));
    return most > before;
  };
  await retrying(hub, signal, () => receive(hub, download, partial), hasProgressed);
  const problem = await differenceOf(partial, file);
  if (problem !== undefined) {
    await rm(partial, { force: true });
    // What an earlier run left may be what was wrong.
    if (isResumed) return downloadFile(hub, download);
    throw new DownloadError(`${describe(download)} ${problem}`, {
      fix: 'Run it again; where it stays so, the mirror is damaged or was tampered with.',
    });
  }
  await rename(partial, target);
}

/**
 * How a file differs from what the hub lists; undefined where it doesn't.
 * @example await differenceOf('model.onnx', { name: 'model.onnx', sha256: '0a1b…' }) // 'has the sha256 2c3d…, not 0a1b…'
 */
export async function differenceOf(
  path: string,
  { bytes, sha256, blob }: HubFile,
): Promise<string | undefined> {
  const own = await sizeOf(path);
  if (bytes !== undefined && own !== bytes) return `has ${own} bytes, not ${bytes}`;
  if (sha256 !== undefined) {
    const actual = await sha256OfFile(path);
    return actual === sha256 ? undefined : `has the sha256 ${actual}, not ${sha256}`;
  }
  if (blob === undefined) return undefined;
  const hash = createHash('sha1').update(`blob ${own}\0`);
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest('hex');
  return actual === blob ? undefined : `has the hash ${actual}, not ${blob}`;
}

/** Where the hub has a file of a commit. */
export function pathOf({ model, commit, file }: Pick<Download, 'model' | 'commit' | 'file'>): string {
  const name = file.name.split('/').map(encodeURIComponent).join('/');
  return `/${idOf(model)}/resolve/${commit}/${name}`;
}

function describe({ model, commit, file }: Download): string {
  return `${idOf(model)}@${commit.slice(0, 12)}: ${file.name}`;
}

/** Bytes of a file; 0 where there is none. */
async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(missing))?.size ?? 0;
}

/** Asks for what is missing of a file, and appends it to what is there. */
async function receive(hub: Hub, download: Download, partial: string): Promise<void> {
  const { commit, file, signal, onBytes } = download;
  const what = describe(download);
  let from = await sizeOf(partial);
  if (from > (file.bytes ?? from)) {
    await rm(partial);
    from = 0;
  }
  onBytes?.(from);
  if (from > 0 && from === file.bytes) return;
  const address = pathOf(download);
  const { response, commit: given } = await askHub(hub, address, { what, from, signal });
  const start = response.statusCode === 206 ? from : 0;
  const problem =
    given !== undefined && given !== commit
      ? `the hub gives it from the commit ${given} instead`
      : start > 0 && !response.headers['content-range']?.startsWith(`bytes ${start}-`)
        ? 'the hub gives another part of it than was asked for'
        : undefined;
  if (problem) {
    response.destroy();
    throw new DownloadError(`${what}: ${problem}`);
  }
  await append(response, download, { partial, start });
}

async function append(
  response: IncomingMessage,
  download: Download,
  { partial, start }: { partial: string; start: number },
): Promise<void> {
  const { file, signal, onBytes } = download;
  const what = describe(download);
  const resumes = 'Run it again: it resumes where it was.';
  let bytes = start;
  const written = await open(partial, start > 0 ? 'a' : 'w');
  try {
    for await (const chunk of response.iterator()) {
      bytes += chunk.length;
      if (bytes > (file.bytes ?? bytes)) break;
      await written.write(chunk);
      onBytes?.(bytes);
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const { code, syscall } = cause as NodeJS.ErrnoException;
    // The disk's own problems are no download's.
    if (code && syscall === 'write') throw cause;
    throw new DownloadError(`${what}: the connection was cut after ${bytes} bytes`, {
      ...{ cause, again: true, fix: resumes },
    });
  } finally {
    await written.close();
  }
  if (bytes > (file.bytes ?? bytes)) {
    await rm(partial);
    throw new DownloadError(`${what} is larger than the ${file.bytes} bytes that the hub lists`);
  }
  if (bytes < (file.bytes ?? bytes))
    throw new DownloadError(`${what}: it ended after ${bytes} of ${file.bytes} bytes`, {
      again: true,
      fix: resumes,
    });
}
