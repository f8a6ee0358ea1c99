import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** Milliseconds between two looks whether the parent lives. */
const lookInterval = 1000;

/**
 * Lets this process end with the one that started it, even while native code holds its main thread; and by nothing
 * else: a signal to the whole group, as Ctrl-C sends it, is for the parent to act on. Where memory runs out, Linux ends
 * it before its parent.
 */
export function endWithParent(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit());
  const look = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, 'SIGKILL'), ${lookInterval})`;
  new Worker(look, { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Other systems have no /proc.
  }
}
