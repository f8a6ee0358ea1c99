import type { Entry } from 'yauzl';
import { TandemError } from '../../errors.ts';

export interface ArchiveLimits {
  /** Most files and folders in an archive. */
  entries: number;
  /** Most bytes of all files together, unpacked. */
  bytes: number;
  /** How many times larger than its packed form a file may be; files below 1 MiB may be packed any tighter. */
  ratio: number;
}

export const defaultArchiveLimits: ArchiveLimits = { entries: 500_000, bytes: 16 * 2 ** 30, ratio: 200 };

/** Small files are no bombs, however well they pack: a list of labels may shrink a thousandfold. */
const ratioExempt = 2 ** 20;

/** A file to unpack, and the names of the folders that lead to it, then its own. */
export interface CheckedEntry {
  entry: Entry;
  path: string[];
}

/**
 * Checks all entries of an archive and answers the files to unpack, without those that macOS and Windows leave.
 * @param archiveBytes size of the archive file
 * @throws TandemError `invalid-dataset` that names the first entry that is wrong
 */
export function checkEntries(entries: Entry[], archiveBytes: number, limits: ArchiveLimits): CheckedEntry[] {
  if (entries.length > limits.entries)
    throw refuse('the archive', `it has more than ${limits.entries} entries`);
  const checked: CheckedEntry[] = [];
  const folders = new Set<string>();
  const files = new Set<string>();
  let unpacked = 0;
  let packed = 0;
  for (const entry of entries) {
    const { fileName } = entry;
    checkKind(entry);
    const path = fileName.split('/').filter((part) => part !== '' && part !== '.');
    checkName(fileName, path);
    unpacked += entry.uncompressedSize;
    packed += entry.compressedSize;
    if (unpacked > limits.bytes)
      throw refuse(fileName, `the files would take more than ${limits.bytes} bytes`);
    if (packed > archiveBytes) throw refuse(fileName, 'its data overlaps that of another file');
    if (
      entry.uncompressedSize > ratioExempt &&
      entry.uncompressedSize > limits.ratio * entry.compressedSize
    ) {
      throw refuse(fileName, `it would grow more than ${limits.ratio} times when unpacked`);
    }
    if (isClutter(path)) continue;
    for (let depth = 1; depth < path.length; depth++) folders.add(path.slice(0, depth).join('/'));
    if (fileName.endsWith('/')) {
      folders.add(path.join('/'));
      continue;
    }
    const whole = path.join('/');
    if (files.has(whole)) throw refuse(fileName, 'it is in the archive twice');
    files.add(whole);
    checked.push({ entry, path });
  }
  for (const file of files) if (folders.has(file)) throw refuse(file, 'it is both a file and a folder');
  if (checked.length === 0) throw refuse('the archive', 'it holds no files');
  return checked;
}

function checkKind(entry: Entry): void {
  if (entry.isEncrypted())
    throw refuse(entry.fileName, 'it is encrypted; make the archive without a password');
  if (!entry.canDecodeFileData()) {
    throw refuse(
      entry.fileName,
      `compression method ${entry.compressionMethod} is not supported; use deflate`,
    );
  }
  // Unix tools keep the file's mode in the upper half: only plain files, folders and "unsaid" are welcome.
  const fileType = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (fileType === 0o120000) throw refuse(entry.fileName, 'it is a symbolic link');
  if (![0, 0o100000, 0o040000].includes(fileType))
    throw refuse(entry.fileName, 'it is neither a file nor a folder');
}

/** yauzl has refused absolute names and `..` when it read the entry; what is left is what file systems refuse. */
function checkName(fileName: string, path: string[]): void {
  if (path.length === 0 || path.includes('..')) throw refuse(fileName, 'it is no usable file name');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
  if (/[\x00-\x1f\x7f]/.test(fileName)) throw refuse(fileName, 'its name has control characters in it');
  if (path.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(fileName) > 2048) {
    throw refuse(`${fileName.slice(0, 60)}…`, 'its name is too long');
  }
}

function isClutter(path: string[]): boolean {
  return path[0] === '__MACOSX' || /^(\.DS_Store|Thumbs\.db|desktop\.ini)$/i.test(path.at(-1)!);
}

function refuse(at: string, detail: string): TandemError {
  return new TandemError('invalid-dataset', `the archive cannot be used: ${at}: ${detail}`, {
    items: [{ at, detail }],
  });
}
