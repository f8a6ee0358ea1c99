import { readFile } from 'node:fs/promises';

/** Kernel clock ticks per second, as /proc counts them. */
const ticksPerSecond = 100;

/**
 * How many cores other processes kept busy while the work ran: all of the machine's busy time less that of this
 * process and the given one. Zero where there is no /proc.
 */
export async function foreignLoad(processId: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  const before = await foreignTicks(processId);
  await work();
  const ticks = (await foreignTicks(processId)) - before;
  return Math.max(0, ticks / ticksPerSecond / ((performance.now() - started) / 1000));
}

async function foreignTicks(processId: number): Promise<number> {
  try {
    const [machine] = (await readFile('/proc/stat', 'utf8')).split('\n');
    const [user, nice, system, , , interrupt, softInterrupt, stolen] = machine
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const busy = user + nice + system + interrupt + softInterrupt + stolen;
    return busy - (await ticksOf('self')) - (await ticksOf(processId));
  } catch {
    return 0;
  }
}

async function ticksOf(processId: number | 'self'): Promise<number> {
  const stat = await readFile(`/proc/${processId}/stat`, 'utf8');
  // The command's name, in brackets, may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
