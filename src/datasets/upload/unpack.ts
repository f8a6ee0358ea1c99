import { copyFile, mkdir, mkdtemp, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { TandemError } from '../../errors.ts';
import { tableExtensions, tableFormatOf } from '../read/table-formats.ts';
import { type ArchiveLimits, defaultArchiveLimits } from './entries.ts';
import { unpackTar } from './tar.ts';
import { unpackZip } from './zip.ts';

/** What a dataset may come in as one file. */
type UploadFormat = 'zip' | 'tar' | 'tar.gz' | 'table';

/**
 * Makes a dataset's folder of one file: a zip, a tar (gzipped or not), or a table (CSV, Parquet and others) that holds its images
 * itself. Everything goes to a folder beside `intoFolder`, which gets its name only when all is there. On failure
 * nothing stays.
 * @param name what the person called the file; says what it is where its content doesn't
 * @param intoFolder must not exist yet, or be empty
 * @returns the dataset's folder: `intoFolder`, or the one folder in it that everything is in
 * @throws TandemError `invalid-dataset` that names the entry: damaged, encrypted, a link, twice there, leading out
 * of the folder, or beyond the limits; or where the file is nothing of the kind
 * @example const dataset = await readDataset(await unpackUpload('uploads/7f', 'pets.zip', 'data/staging/pets'));
 */
export async function unpackUpload(
  file: string,
  name: string,
  intoFolder: string,
  limits: ArchiveLimits = defaultArchiveLimits,
): Promise<string> {
  const format = await detectFormat(file, name);
  await mkdir(dirname(intoFolder), { recursive: true });
  const staging = await mkdtemp(`${intoFolder}.part-`);
  try {
    if (format === 'zip') await unpackZip(file, staging, limits);
    else if (format === 'tar' || format === 'tar.gz')
      await unpackTar(file, staging, limits, { gzipped: format === 'tar.gz' });
    else await copyFile(file, join(staging, tableName(name)));
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

/** Problems name rows by the table's own name. */
function tableName(name: string): string {
  const stem = basename(name, extname(name))
    .replaceAll(/[^\p{L}\p{N} _.-]/gu, '_')
    .slice(0, 60);
  return `${stem.replace(/^\.+/, '') || 'metadata'}${extname(name).toLowerCase()}`;
}

async function detectFormat(file: string, name: string): Promise<UploadFormat> {
  const start = await firstBytes(file);
  const extension = extname(name).toLowerCase();
  if (tableFormatOf(name)?.isZip) return 'table';
  if (['504b0304', '504b0506'].includes(start.toString('hex', 0, 4))) return 'zip';
  if (start.toString('hex', 0, 2) === '1f8b' && isTar(firstUnzipped(start), extension)) return 'tar.gz';
  if (isTar(start, extension)) return 'tar';
  if (tableFormatOf(name)) return 'table';
  if (extension === '.zip') return 'zip';
  const detail = `it is neither a zip or tar file nor a table (${tableExtensions})`;
  throw new TandemError('invalid-dataset', `${basename(name)}: ${detail}`, {
    items: [{ at: basename(name), detail }],
  });
}

/** POSIX tars say so at byte 257; older ones only by the name of the file. */
function isTar(start: Buffer, extension: string): boolean {
  return start.toString('latin1', 257, 262) === 'ustar' || ['.tar', '.tgz'].includes(extension);
}

function firstUnzipped(start: Buffer): Buffer {
  try {
    // Enough for the first header, though the file goes on.
    return gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return start;
  }
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
