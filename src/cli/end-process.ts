import { EngineStuck } from '../runtime/engine-pool.ts';
import { storageError } from '../store/storage-error.ts';
import { printAside } from './output.ts';

/**
 * Milliseconds after which a server that is being closed is ended by force: more than all that it waits for, where it
 * isn't told to wait.
 */
const closingTime = 120_000;

/**
 * Closes a server and ends the process. Where something native does not end, as a run of ONNX Runtime, an orderly exit
 * would wait for it for ever: then the process is killed. What cannot be closed is told in one line, and the exit code is 1.
 * @param delay milliseconds that the closing waits on purpose
 * @example void stopped.then(() => endProcess(() => server.close()));
 */
export async function endProcess(close: (delay: number) => Promise<void>, delay = 0): Promise<void> {
  const deadline = setTimeout(() => {
    printAside(`not everything is closed after ${closingTime + delay} ms: the process is killed`);
    kill();
  }, closingTime + delay);
  try {
    await close(delay);
  } catch (error) {
    const errors = errorsOf(error);
    if (errors.some((one) => one instanceof EngineStuck)) {
      printAside('an engine does not end its run: the process is killed');
      return kill();
    }
    printAside(`not everything could be closed: ${errors.map(inOneLine).join('; ')}`);
    process.exit(1);
  }
  clearTimeout(deadline);
  process.exit(0);
}

/** Several errors of one closing come nested in each other, the first one innermost. */
function errorsOf(error: unknown): unknown[] {
  if (error instanceof SuppressedError) return [...errorsOf(error.suppressed), ...errorsOf(error.error)];
  return [error];
}

function inOneLine(error: unknown): string {
  const { message, code } = storageError(error) ?? (error as { message?: string; code?: string });
  return (message || code || String(error)).replaceAll(/\s+/g, ' ');
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL');
}
