import { setTimeout as sleep } from 'node:timers/promises';
import type { AttackedServer, Outcome } from './attacked-server.ts';

/** Milliseconds that the main thread may compute in one turn of its event loop. */
const longestTurn = 100;
/** MiB of memory that an attack may take beyond what is left of it. */
const mostMemory = 200;
/** A turn may be stretched by the garbage of others, or by a busy machine: the median of so many tries counts. */
const tries = 5;
/** With so many tries of the same kind it is known on which side the median lies. */
const decisive = Math.ceil(tries / 2);
/** Other suites beside this one slow all tries that follow each other: what is beyond the ceiling is so in each of so many series. */
const series = 3;
/** Milliseconds between two series. */
const rest = 3000;

/** Noise only adds: a try that stays below this share of the ceiling says enough alone. */
const clear = 0.5;

type Measured = Pick<Outcome, 'longestTurn' | 'peak'>;

/** What an attack did beyond the ceiling; undefined where it stayed below. */
function beyondCeiling({ longestTurn: turn, peak }: Measured, share = 1): string | undefined {
  if (turn.cpu > share * longestTurn) return `a turn of ${Math.round(turn.cpu)} ms`;
  if (peak > share * mostMemory) return `${Math.round(peak)} MiB`;
  return undefined;
}

const all: Measured[][] = [];

/**
 * Measures work of any kind, until it is known whether the median of five tries stays below the ceiling: at once where the
 * first is far below it.
 * @returns what the last try gave, and the problem, if most of them had one
 * @example const { problem } = await underCeiling(server, () => ask(server));
 */
export async function underCeiling<Result extends object>(
  server: AttackedServer,
  work: () => Promise<Result>,
): Promise<Result & { problem?: string }> {
  for (let left = series - 1; ; left--) {
    const result = await oneSeries(server, work);
    if (result.problem === undefined || left === 0) return result;
    await sleep(rest);
    await server.settle();
  }
}

async function oneSeries<Result extends object>(
  server: AttackedServer,
  work: () => Promise<Result>,
): Promise<Result & { problem?: string }> {
  const measured: Measured[] = [];
  all.push(measured);
  for (;;) {
    const outcome = await server.measure(work);
    measured.push(outcome);
    if (measured.length === 1 && !beyondCeiling(outcome, clear)) return outcome;
    const problems = measured.flatMap((one) => beyondCeiling(one) ?? []);
    if (problems.length >= decisive) return { ...outcome, problem: problems.join(', ') };
    if (measured.length - problems.length >= decisive) return outcome;
    await server.settle();
  }
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The most that any attack so far did, by the median of its tries, which is judged, and by the best, which is not. */
export function mostSoFar(): string {
  const most = (figureOf: (one: Measured) => number, unit: string) => {
    const figures = all.map((measured) => measured.map(figureOf));
    const [medians, bests] = [figures.map(median), figures.map((values) => Math.min(...values))];
    return `median ${Math.max(...medians).toFixed(0)} ${unit}, best ${Math.max(...bests).toFixed(0)} ${unit}`;
  };
  const turns = most(({ longestTurn: { cpu } }) => cpu, 'ms');
  return `${all.length} attacks; longest turn: ${turns}; most memory: ${most(({ peak }) => peak, 'MiB')}`;
}
