import { watch } from 'node:fs';

/** Waits until a file, or those of a folder, were written to so many times, or the signal aborts. */
export function writesTo(file: string, count: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(file);
    const end = () => {
      watcher.close();
      resolve();
    };
    watcher.on('change', () => {
      if (--count <= 0) end();
    });
    signal.addEventListener('abort', end, { once: true });
  });
}
