import { readFile } from 'node:fs/promises';

/** The processes that a server trains in now; it has others, as the one that runs heads. */
export async function trainingsOf({ pid }: { pid: number }): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const pids = children.split(' ').filter(Boolean).map(Number);
  const commands = await Promise.all(
    pids.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, index) => commands[index].includes('training-process'));
}
