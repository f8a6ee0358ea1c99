import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline as connect, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { TandemError } from '../../errors.ts';
import { type ArchiveLimits, EntryList, ratioExempt, refuse } from './entries.ts';

/** What stands around a file in a tar: its header, the padding to 512 bytes, a long name. */
const overheadOfEntry = 8192;

/**
 * Unpacks a tar file, gzipped or not, into a folder. A tar has no directory, so each entry is checked when it comes;
 * the caller throws the folder away where one is refused.
 * @throws TandemError `invalid-dataset` that names the entry: damaged, a link, twice there, leading out of the
 * folder, or beyond the limits
 */
export async function unpackTar(
  file: string,
  folder: string,
  limits: ArchiveLimits,
  { gzipped }: { gzipped: boolean },
): Promise<void> {
  const list = new EntryList(limits);
  const stop = Promise.withResolvers<never>();
  const abandon = new AbortController();
  let last = basename(file);
  let writing = Promise.resolve();
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      last = entry.path;
      try {
        const path = list.add(describeEntry(entry));
        if (!path) return void entry.resume();
        writing = writing.then(() => write(entry, join(folder, ...path), abandon.signal));
        writing.catch(stop.reject);
      } catch (error) {
        stop.reject(error);
        entry.resume();
      }
    },
  });
  parser.on('error', (error) => stop.reject(damaged(last, error as Error)));
  const ended = new Promise((resolve) => void parser.on('end', resolve));
  try {
    for await (const chunk of await tarBytes(file, gzipped, limits)) {
      const wantsMore =
        parser.write(chunk) || new Promise((resolve) => void parser.once('drain', () => resolve(true)));
      await Promise.race([stop.promise, wantsMore]);
    }
    parser.end();
    await Promise.race([stop.promise, ended]);
    await Promise.race([stop.promise, writing]);
  } catch (error) {
    throw asDamage(basename(file), error as NodeJS.ErrnoException);
  } finally {
    // Nothing writes any more when the caller takes the folder or throws it away.
    abandon.abort();
    await writing.catch(() => {});
  }
  list.finish();
}

async function tarBytes(file: string, gzipped: boolean, limits: ArchiveLimits): Promise<Readable> {
  const source = createReadStream(file, { highWaterMark: 2 ** 20 });
  const { size } = await stat(file);
  const most = limits.bytes + limits.entries * overheadOfEntry;
  let bytes = 0;
  const count = new Transform({
    transform(chunk, _encoding, done) {
      bytes += chunk.length;
      if (bytes > most) done(refuse(basename(file), `the files would take more than ${limits.bytes} bytes`));
      else if (gzipped && bytes > ratioExempt && bytes > limits.ratio * size)
        done(refuse(basename(file), `it would grow more than ${limits.ratio} times when unpacked`));
      else done(null, chunk);
    },
  });
  // A stream that fails takes the others along: the reader of the last one gets the error.
  const done = () => {};
  return gzipped ? connect(source, createGunzip(), count, done) : connect(source, count, done);
}

function describeEntry(entry: ReadEntry): { name: string; kind: 'file' | 'folder'; bytes: number } {
  const { path: name, type, size: bytes } = entry;
  if (type === 'Directory') return { name, kind: 'folder', bytes: 0 };
  if (type === 'File' || type === 'OldFile' || type === 'ContiguousFile')
    return { name, kind: 'file', bytes };
  if (type === 'SymbolicLink') throw refuse(name, 'it is a symbolic link');
  if (type === 'Link') throw refuse(name, 'it is a hard link');
  throw refuse(name, 'it is neither a file nor a folder');
}

async function write(entry: ReadEntry, target: string, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await pipeline(Readable.from(entry), createWriteStream(target, { flags: 'wx' }), { signal });
}

function asDamage(at: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof TandemError) return error;
  return error.code === undefined || /^(Z_|TAR_)/.test(error.code) ? damaged(at, error) : error;
}

function damaged(at: string, cause: Error): TandemError {
  const detail = cause.message.replace(/^TAR_\w+: /, '');
  return new TandemError('invalid-dataset', `the archive cannot be unpacked: ${detail}`, {
    items: [{ at, detail }],
    cause,
  });
}
