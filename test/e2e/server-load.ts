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

/**
 * Has three clients of each kind ask again and again, one request at a time, while somebody looks whether the server is ready.
 * @param asks sends a request that no other is like, by the kind
 * @returns how many each kind had answered, what the others were told, and what the server said while it was not ready
 */
export async function loadFor<Kind extends string>(
  { address }: Pick<StartedServer, 'address'>,
  milliseconds: number,
  asks: Record<Kind, (name: string) => Promise<Response>>,
): Promise<{ answered: Record<Kind, number>; failures: unknown[]; notReady: number[] }> {
  const until = performance.now() + milliseconds;
  const kinds = Object.keys(asks) as Kind[];
  const answered = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  const failures: unknown[] = [];
  const notReady: number[] = [];
  const client = async (kind: Kind, name: number) => {
    for (let index = 0; performance.now() < until; index++) {
      const response = await asks[kind](`${kind} ${name} ${index}`);
      if (response.ok) answered[kind]++;
      else failures.push(await response.json());
    }
  };
  const watch = async () => {
    while (performance.now() < until) {
      const { status } = await fetch(`${address}/readyz`);
      if (status !== 200) notReady.push(status);
      await pause(100);
    }
  };
  const clients = [1, 2, 3].flatMap((name) => kinds.map((kind) => client(kind, name)));
  await Promise.all([...clients, watch()]);
  return { answered, failures, notReady };
}
