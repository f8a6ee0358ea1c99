import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../../errors.ts';
import { sha256OfBytes } from '../../store/files/checksum.ts';
import { whyUnreadable } from '../../store/files/why-unreadable.ts';
import type { HeadFolder } from './head-reading.ts';

/**
 * What a file of a version holds, once it has the sha256 that the version was registered with.
 * @throws TandemError `damaged-artifact`
 * @example JSON.parse((await verifiedFile(version, 'head.json')).toString())
 */
export async function verifiedFile({ folder, checksums }: HeadFolder, file: string): Promise<Buffer> {
  const place = path.join(folder, file);
  const bytes = await readFile(place).catch((cause) => {
    throw new TandemError('damaged-artifact', `${place} cannot be used: ${whyUnreadable(cause)}`, { cause });
  });
  const registered = checksums?.[file];
  if (registered !== undefined && (await sha256OfBytes(bytes)) !== registered)
    throw new TandemError(
      'damaged-artifact',
      `${place} does not have the sha256 that it was registered with`,
    );
  return bytes;
}

/**
 * The same for a file that not every head has.
 * @returns undefined where the version was registered without it, or ships without it
 * @throws TandemError `damaged-artifact`
 */
export async function optionalFile(head: HeadFolder, file: string): Promise<Buffer | undefined> {
  if (head.checksums && !(file in head.checksums)) return undefined;
  return verifiedFile(head, file).catch((error) => {
    if (head.checksums === undefined && error.cause?.code === 'ENOENT') return undefined;
    throw error;
  });
}
