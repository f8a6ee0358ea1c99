import path from 'node:path';
import type { FetchFile } from '../datasets/read/find-file.ts';
import type { Context } from './context.ts';

/** Bytes of an image, and milliseconds that it may take. */
const limits = { maximumBytes: 64 * 2 ** 20, timeout: 60_000 };

/** What downloads images that a table has by their addresses, where that is asked for. */
export async function imageFetcher(
  { settings }: Context,
  fetchImages: boolean | undefined,
): Promise<FetchFile | undefined> {
  if (!fetchImages) return undefined;
  const { FetchedFiles } = await import('../datasets/fetched-files.ts');
  const files = new FetchedFiles(path.join(settings.data, 'fetched'), limits);
  return (address) => files.find(address);
}
