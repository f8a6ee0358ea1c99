import type { Logger } from 'pino';

/** Milliseconds between two looks for what crashes and failures have left. */
const cleaningInterval = 24 * 3_600_000;

/**
 * Removes what crashes have left, now and every day, unless another server does at that moment.
 * @param alone runs the work unless another server is at it
 * @returns what ends it; a cleaning that the closing store breaks off goes on at the next start, and is no news
 * @example started.defer(keepClean([registry, catalogue], logger, (work) => database.ifNobodyElse('cleaning', work)));
 */
export function keepClean(
  owners: readonly { clean(): Promise<void> }[],
  logger: Logger,
  alone: (work: () => Promise<void>) => Promise<void> = (work) => work(),
): () => void {
  const ended = new AbortController();
  const warn = (error: unknown) => {
    if (!ended.signal.aborted) logger.warn({ err: error }, 'what a crash left is still there');
  };
  const clean = () =>
    void alone(async () => {
      for (const owner of owners) await owner.clean().catch(warn);
    }).catch(warn);
  clean();
  const cleaning = setInterval(clean, cleaningInterval).unref();
  return () => {
    ended.abort();
    clearInterval(cleaning);
  };
}
