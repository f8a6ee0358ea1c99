import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { StartedServer } from './server.ts';

/** Seconds of processor time that a process has used. Linux alone tells. */
export async function processorTime({ pid }: Pick<StartedServer, 'pid'>): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** Seconds of processor time that a process goes on to use until it rests. */
export async function leftover(process: Pick<StartedServer, 'pid'>): Promise<number> {
  const start = await processorTime(process);
  let last = start;
  for (;;) {
    await pause(1000);
    const now = await processorTime(process);
    if (now - last < 0.1) return now - start;
    last = now;
  }
}

/** What work gives, and the milliseconds that it takes. */
export async function timed<Result>(work: Promise<Result>): Promise<[result: Result, milliseconds: number]> {
  const started = performance.now();
  return [await work, performance.now() - started];
}
