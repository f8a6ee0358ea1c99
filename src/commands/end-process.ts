import { EngineStuck } from '../runtime/engine-pool.ts';
import { printAside } from './output.ts';

/**
 * Milliseconds after which a server that is being closed is ended by force: more than all that it waits for, where it
 * isn't told to wait.
 */
const closingTime = 120_000;

/**
 * Closes a server and ends the process. Where something native does not end, as a run of ONNX Runtime, an orderly exit
 * would wait for it for ever: then the process is killed.
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
    if (!isStuck(error)) throw error;
    printAside('an engine does not end its run: the process is killed');
    kill();
  }
  clearTimeout(deadline);
  process.exit(0);
}

/** Several errors of one closing come nested in each other. */
function isStuck(error: unknown): boolean {
  if (error instanceof SuppressedError) return isStuck(error.error) || isStuck(error.suppressed);
  return error instanceof EngineStuck;
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL');
}
