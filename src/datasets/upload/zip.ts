import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { TandemError } from '../../errors.ts';
import { type ArchiveLimits, EntryList, ratioExempt, refuse, totalRatioExempt } from './entries.ts';

/** Bytes of names, extra fields and comments of all entries together: all of them are in memory at once. */
const maximumDirectoryBytes = 128 * 2 ** 20;
const tooLargeDirectory = `its directory has more than ${maximumDirectoryBytes / 2 ** 20} MiB`;

/**
 * Unpacks a zip file into a folder. The whole directory of the archive is checked before a byte is written.
 * @throws TandemError `invalid-dataset` that names the entry: damaged, encrypted, a link, twice there, leading out
 * of the folder, or beyond the limits
 */
export async function unpackZip(file: string, folder: string, limits: ArchiveLimits): Promise<void> {
  const archive = basename(file);
  // The size that an entry declares is enforced by yauzl while it is read, so the declared sizes can be trusted.
  const zip = await openPromise(file, { autoClose: false, validateEntrySizes: true }).catch((error) => {
    throw error.code === undefined ? damaged(archive, error) : error;
  });
  try {
    const entries: Entry[] = [];
    let directoryBytes = 0;
    try {
      for await (const entry of zip.eachEntry()) {
        entries.push(entry);
        directoryBytes += entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
        if (directoryBytes > maximumDirectoryBytes) throw refuse(archive, tooLargeDirectory);
        if (entries.length > limits.entries) break;
      }
    } catch (error) {
      if (error instanceof TandemError) throw error;
      throw refusedName(error as Error) ?? damaged(archive, error as Error);
    }
    for (const { entry, path } of checkEntries(entries, (await stat(file)).size, limits)) {
      const target = join(folder, ...path);
      await mkdir(dirname(target), { recursive: true });
      await extractEntry(zip, entry, target);
    }
  } finally {
    zip.close();
  }
}

/** yauzl itself refuses some names, before anything here sees them. */
function refusedName({ message }: Error): TandemError | undefined {
  const [, what, name] = /^(absolute path|invalid relative path): (.*)$/s.exec(message) ?? [];
  if (what === undefined || name === undefined) return undefined;
  return refuse(
    name,
    what === 'absolute path' ? 'its name is an absolute path' : 'its name leads out of the folder',
  );
}

function checkEntries(entries: Entry[], archiveBytes: number, limits: ArchiveLimits) {
  const list = new EntryList(limits);
  let packed = 0;
  let unpacked = 0;
  const checked = entries.flatMap((entry) => {
    const { fileName: name, uncompressedSize: bytes, compressedSize } = entry;
    checkKind(entry);
    const path = list.add({ name, kind: name.endsWith('/') ? 'folder' : 'file', bytes });
    packed += compressedSize;
    unpacked += bytes;
    if (packed > archiveBytes) throw refuse(name, 'its data overlaps that of another file');
    if (bytes > ratioExempt && bytes > limits.ratio * compressedSize)
      throw refuse(name, `it would grow more than ${limits.ratio} times when unpacked`);
    return path ? [{ entry, path }] : [];
  });
  list.finish();
  if (unpacked > totalRatioExempt && unpacked > limits.ratio * archiveBytes)
    throw refuse('the archive', `it would grow more than ${limits.ratio} times when unpacked`);
  return checked;
}

function checkKind(entry: Entry): void {
  if (entry.isEncrypted())
    throw refuse(entry.fileName, 'it is encrypted; make the archive without a password');
  if (!entry.canDecodeFileData())
    throw refuse(
      entry.fileName,
      `compression method ${entry.compressionMethod} is not supported; use deflate`,
    );
  // Unix tools keep the file's mode in the upper half: only plain files, folders and "unsaid" are welcome.
  const fileType = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (fileType === 0o120000) throw refuse(entry.fileName, 'it is a symbolic link');
  if (![0, 0o100000, 0o040000].includes(fileType))
    throw refuse(entry.fileName, 'it is neither a file nor a folder');
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
