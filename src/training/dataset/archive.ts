import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { TandemError } from '../../errors.ts';
import { type ArchiveLimits, checkEntries, defaultArchiveLimits } from './archive-entries.ts';

/**
 * Unpacks an uploaded zip file. The whole directory of the archive is checked before a byte is written; then files
 * go to a folder beside `intoFolder`, which gets its name only when everything is there. On failure nothing stays.
 * @param intoFolder must not exist yet, or be empty
 * @returns the dataset's folder: `intoFolder`, or the one folder in it that everything is in
 * @throws TandemError `invalid-dataset` that names the entry: damaged, encrypted, a link, twice there, leading out
 * of the folder, or beyond the limits
 * @example const dataset = await readDataset(await extractArchive('upload.zip', 'data/uploads/pets'));
 */
export async function extractArchive(
  zipPath: string,
  intoFolder: string,
  limits: ArchiveLimits = defaultArchiveLimits,
): Promise<string> {
  await mkdir(dirname(intoFolder), { recursive: true });
  const staging = await mkdtemp(`${intoFolder}.part-`);
  try {
    await extractInto(staging, zipPath, limits);
    await rmdir(intoFolder).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(staging, intoFolder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  const [only, ...others] = await readdir(intoFolder, { withFileTypes: true });
  return only?.isDirectory() && others.length === 0 ? join(intoFolder, only.name) : intoFolder;
}

async function extractInto(folder: string, zipPath: string, limits: ArchiveLimits): Promise<void> {
  const archive = basename(zipPath);
  // The size that an entry declares is enforced by yauzl while it is read, so the declared sizes can be trusted.
  const zip = await openPromise(zipPath, { autoClose: false, validateEntrySizes: true }).catch((error) => {
    throw error.code === undefined ? damaged(archive, error) : error;
  });
  try {
    const entries: Entry[] = [];
    try {
      for await (const entry of zip.eachEntry()) {
        entries.push(entry);
        if (entries.length > limits.entries) break;
      }
    } catch (error) {
      throw damaged(archive, error as Error);
    }
    for (const { entry, path } of checkEntries(entries, (await stat(zipPath)).size, limits)) {
      const target = join(folder, ...path);
      await mkdir(dirname(target), { recursive: true });
      await extractEntry(zip, entry, target);
    }
  } finally {
    zip.close();
  }
}

async function extractEntry(zip: ZipFile, entry: Entry, target: string): Promise<void> {
  let checksum = 0;
  const check = new Transform({
    transform(chunk, _encoding, done) {
      checksum = crc32(chunk, checksum);
      done(null, chunk);
    },
    flush(done) {
      done(checksum === entry.crc32 ? null : new Error('its checksum does not match'));
    },
  });
  try {
    await pipeline(await zip.openReadStreamPromise(entry), check, createWriteStream(target, { flags: 'wx' }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A full disk or a missing permission is no fault of the archive.
    if (code !== undefined && !code.startsWith('Z_')) throw error;
    throw damaged(entry.fileName, error as Error);
  }
}

function damaged(at: string, cause: Error): TandemError {
  const detail = `the archive cannot be unpacked: ${cause.message}`;
  return new TandemError('invalid-dataset', detail, { items: [{ at, detail: cause.message }], cause });
}
