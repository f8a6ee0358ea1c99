import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * Keeps what is compiled for the next start, here and in the processes that this one starts: it takes a third off a
 * start. The folder is the user's own, because what lies in it is run; where it cannot be written, nothing is kept.
 */
export function keepCompiled(): void {
  const caches = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  process.env.NODE_COMPILE_CACHE ??= path.join(caches, 'tandem', 'compiled');
  enableCompileCache();
}
