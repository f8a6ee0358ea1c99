import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Milliseconds between two looks at how much memory a process has. */
const interval = 250;

/**
 * Watches how much memory a child process has resident; Linux alone says.
 * @param mebibytes that it may have
 * @param onExceeded called at every look that finds more
 * @returns ends the watching
 * @example const stop = watchMemory(child, 2048, () => child.kill('SIGKILL'));
 */
export function watchMemory(child: ChildProcess, mebibytes: number, onExceeded: () => void): () => void {
  const timer = setInterval(async () => {
    if ((await residentMemory(child)) > mebibytes) onExceeded();
  }, interval);
  timer.unref();
  return () => clearInterval(timer);
}

/** MiB of a process that are in memory; 0 where the system does not say. */
async function residentMemory({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}
