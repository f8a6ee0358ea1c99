import { type ChildProcess, fork, type Serializable } from 'node:child_process';
import { watchMemory } from './memory-limit.ts';
import { describeEnd, processEnd } from './process-end.ts';

export interface SupervisedOptions<Message> {
  /** Most memory that the process may use, in MiB. JavaScript's heap gets three quarters of it. */
  memory: number;
  /** Milliseconds until it is killed. */
  timeout: number;
  /** Ends the process: its channel is closed, and it is killed where it has not ended soon after. */
  signal: AbortSignal;
  onMessage(message: Message): void;
}

/** Why a supervised process ended before its work was done. */
export class ProcessEnded extends Error {
  readonly reason: 'memory' | 'timeout' | 'crash';

  constructor(reason: ProcessEnded['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Milliseconds that a process has to clean up after its channel is closed. */
const grace = 2000;

/**
 * Runs a script in a process of its own, which may use so much memory and time and no more: whatever it is given to work on,
 * this process goes on answering. The script takes its order as the first message, and exits with 0 when it is done.
 * @throws ProcessEnded; what the signal says
 * @example await runSupervised(new URL('./import-process.ts', import.meta.url), order, { memory: 2048, timeout: 60_000, signal, onMessage });
 */
export async function runSupervised<Message>(
  script: URL,
  order: Serializable,
  options: SupervisedOptions<Message>,
): Promise<void> {
  options.signal.throwIfAborted();
  await supervise(startSupervised(script, options.memory), order, options);
}

/**
 * Starts a script that waits for its order; see {@link supervise}.
 * @param memory most that it may use, in MiB
 */
export function startSupervised(script: URL, memory: number): ChildProcess {
  return fork(script, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Not this process's own: with `-e` among them the child would run this program again.
    execArgv: [`--max-old-space-size=${Math.ceil(memory * 0.75)}`],
  });
}

/**
 * Gives a process its order, and holds it to its limits until it has ended.
 * @param child from {@link startSupervised}, with the same memory
 * @throws as {@link runSupervised}
 */
export async function supervise<Message>(
  child: ChildProcess,
  order: Serializable,
  { memory, timeout, signal, onMessage }: SupervisedOptions<Message>,
): Promise<void> {
  let killedFor: ProcessEnded | undefined;
  const kill = (reason: ProcessEnded['reason'], message: string) => {
    killedFor ??= new ProcessEnded(reason, message);
    child.kill('SIGKILL');
  };
  const tooMuch = `it needed more than ${memory} MiB`;
  const timer = setTimeout(() => kill('timeout', `it took more than ${timeout / 1000} s`), timeout);
  const stopWatching = watchMemory(child, memory, () => kill('memory', tooMuch));
  let ending: NodeJS.Timeout | undefined;
  const leave = () => {
    if (child.connected) child.disconnect();
    ending = setTimeout(() => child.kill('SIGKILL'), grace);
  };
  signal.addEventListener('abort', leave, { once: true });
  child.on('message', (message: Message) => {
    if (!signal.aborted) onMessage(message);
  });
  if (child.connected) child.send(order, () => {});
  try {
    const end = await processEnd(child);
    signal.throwIfAborted();
    if (killedFor) throw killedFor;
    if (end.code === 0) return;
    // V8 aborts where the heap is full; the system kills whom it has no memory for.
    if (end.signal === 'SIGKILL' || /heap out of memory|allocation failed/i.test(end.complaint))
      throw new ProcessEnded('memory', tooMuch);
    throw new ProcessEnded('crash', `it ${describeEnd(end)}`);
  } finally {
    clearTimeout(timer);
    clearTimeout(ending);
    stopWatching();
    signal.removeEventListener('abort', leave);
  }
}
