import type { HeadCache } from '../heads/cache.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import { storageError } from '../store/storage-error.ts';

/** Milliseconds between two looks for versions that were deleted. */
const interval = 10_000;

/**
 * Evicts versions that were deleted, by this server, another one or the command line: their copies on this machine,
 * and what is loaded of them.
 * @param onError told of what is not the store's being away
 * @returns what ends it
 * @example started.defer(dropDeletedHeads(registry, cache, (error) => logger.warn(error)));
 */
export function dropDeletedHeads(
  registry: Pick<HeadRegistry, 'dropDeleted'>,
  cache: Pick<HeadCache, 'drop'>,
  onError: (error: unknown) => void,
  every = interval,
): () => Promise<void> {
  let looking: Promise<void> | undefined;
  const look = async () => {
    for (const folder of await registry.dropDeleted()) cache.drop(folder);
  };
  const start = () => {
    looking ??= look()
      .catch((error) => {
        if (!storageError(error)) onError(error);
      })
      .finally(() => {
        looking = undefined;
      });
  };
  start();
  const timer = setInterval(start, every).unref();
  return async () => {
    clearInterval(timer);
    await looking;
  };
}
