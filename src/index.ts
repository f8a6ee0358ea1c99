/** The library: what `import … from 'tandem'` gives. */
import type { Tandem } from './app/tandem.ts';
import type { TandemSettings } from './config.ts';
import { settingsFromCode } from './read-settings.ts';

export type * from './app/tandem.ts';
export type { TandemSettings } from './config.ts';
export { type ErrorCode, type ErrorItem, TandemError } from './errors.ts';

/**
 * Opens a Tandem in this process. Settings are those of `serve --help`, written as code writes them (`grpcPort`); what is
 * omitted has its default, and the environment's variables are not read. Relative paths are the caller's, as of now.
 *
 * What first needs an image changes sharp for all of the process: it reads JPEG, PNG, WebP, GIF, TIFF and AVIF alone, one thread an image,
 * without a cache. Images are decoded in libuv's threads: set UV_THREADPOOL_SIZE to the number of processors before Node
 * starts where that is more than 4.
 * @param settings `load`: whether encoders are loaded now, rather than when they are first needed
 * @throws TandemError `invalid-configuration` naming every bad value; with `load` whatever cannot be loaded
 * @example
 * await using tandem = await openTandem({ data: 'data' });
 * await tandem.train('photos', { head: 'pets' });
 * const { results } = await tandem.predict([{ text: 'a sleeping cat' }], { head: 'pets' });
 */
export async function openTandem({
  load = false,
  ...settings
}: TandemSettings & { load?: boolean } = {}): Promise<Tandem> {
  const read = settingsFromCode(settings);
  // Loaded when it is needed, so that an import changes nothing.
  const { openTandem: open } = await import('./app/open-tandem.ts');
  return open(read, { load });
}
