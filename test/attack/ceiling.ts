import type { AttackedServer, Outcome } from './attacked-server.ts';

/** Milliseconds that the main thread may compute in one turn of its event loop. */
const longestTurn = 100;
/** MiB of memory that an attack may take beyond what is left of it. */
const mostMemory = 200;
/** A turn may be stretched by the garbage of others, or by a machine that is busy: the best of so many counts. */
const tries = 5;

/** What an attack did beyond the ceiling; undefined where it stayed below. */
function beyondCeiling({
  longestTurn: turn,
  peak,
}: Pick<Outcome, 'longestTurn' | 'peak'>): string | undefined {
  if (turn.cpu > longestTurn) return `a turn of ${Math.round(turn.cpu)} ms`;
  if (peak > mostMemory) return `${Math.round(peak)} MiB`;
  return undefined;
}

/**
 * Measures work of any kind up to so many times.
 * @returns what the work gave, and the problem, if there was one every time
 * @example const { problem } = await underCeiling(server, () => ask(server));
 */
export async function underCeiling<Result extends object>(
  server: AttackedServer,
  work: () => Promise<Result>,
): Promise<Result & { problem?: string }> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await server.measure(work);
    const problem = beyondCeiling(outcome);
    if (!problem) return outcome;
    if (attempt === tries) return { ...outcome, problem };
    await server.settle();
  }
}
