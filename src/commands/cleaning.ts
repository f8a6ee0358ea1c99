import type { Logger } from 'pino';

/** Milliseconds between two looks for what crashes and failures have left. */
const cleaningInterval = 24 * 3_600_000;

/**
 * Removes what crashes have left, now and every day.
 * @returns what ends it; a cleaning that the closing store breaks off goes on at the next start, and is no news
 * @example started.defer(keepClean([registry, catalogue], logger));
 */
export function keepClean(owners: readonly { clean(): Promise<void> }[], logger: Logger): () => void {
  const ended = new AbortController();
  const clean = () => {
    for (const owner of owners)
      void owner.clean().catch((error) => {
        if (!ended.signal.aborted) logger.warn({ err: error }, 'what a crash left is still there');
      });
  };
  clean();
  const cleaning = setInterval(clean, cleaningInterval).unref();
  return () => {
    ended.abort();
    clearInterval(cleaning);
  };
}
