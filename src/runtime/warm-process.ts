import type { ChildProcess, Serializable } from 'node:child_process';
import { type SupervisedOptions, startSupervised, supervise } from './supervised-process.ts';

export interface WarmProcessOptions {
  /** Most memory that each process may use, in MiB. */
  memory: number;
  /** Milliseconds for which a spare process is kept that nobody needs. */
  idle?: number;
}

/** Milliseconds for which a spare process is kept by default. */
const usualIdle = 60_000;

/**
 * Supervised processes of one script, see {@link runSupervised}. After the first order a spare process is started ahead
 * for the next, so that an order doesn't wait until the script is loaded. Each process works on one order. A spare is
 * ended when it has been idle for a minute, and keeps no process alive.
 * @example
 * const processes = new WarmProcesses(new URL('./import-process.ts', import.meta.url), { memory: 2048 });
 * await processes.run(order, { timeout: 60_000, signal, onMessage });
 * processes.close();
 */
export class WarmProcesses {
  readonly #script: URL;
  readonly #memory: number;
  readonly #idle: number;
  #spare: ChildProcess | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(script: URL, { memory, idle = usualIdle }: WarmProcessOptions) {
    this.#script = script;
    this.#memory = memory;
    this.#idle = idle;
  }

  /**
   * Gives an order to a process.
   * @throws ProcessEnded; what the signal says
   */
  async run<Message>(
    order: Serializable,
    options: Omit<SupervisedOptions<Message>, 'memory'>,
  ): Promise<void> {
    options.signal.throwIfAborted();
    const memory = this.#memory;
    try {
      const child = this.#takeSpare() ?? startSupervised(this.#script, memory);
      await supervise(child, order, { ...options, memory });
    } finally {
      this.#keepSpare();
    }
  }

  /** Ends the spare process, and starts no more of them. Orders under way are left alone. */
  close(): void {
    this.#isClosed = true;
    this.#endSpare();
  }

  #takeSpare(): ChildProcess | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    clearTimeout(this.#expiry);
    if (!spare?.connected) return undefined;
    spare.removeAllListeners();
    for (const handle of handlesOf(spare)) handle?.ref();
    return spare;
  }

  #keepSpare(): void {
    if (this.#isClosed) return;
    this.#spare ??= this.#startSpare();
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#endSpare(), this.#idle).unref();
  }

  #startSpare(): ChildProcess {
    const spare = startSupervised(this.#script, this.#memory);
    const forget = () => {
      if (this.#spare === spare) this.#spare = undefined;
    };
    // Where one cannot be started, or ends by itself, the next order starts its own, and says why it cannot.
    spare.once('error', forget).once('disconnect', forget).once('exit', forget);
    for (const handle of handlesOf(spare)) handle?.unref();
    return spare;
  }

  #endSpare(): void {
    clearTimeout(this.#expiry);
    // It has been given nothing that it would have to clean up.
    this.#spare?.kill('SIGKILL');
    this.#spare = undefined;
  }
}

/** What keeps this process alive for the sake of another. */
function handlesOf(child: ChildProcess) {
  return [child, child.channel, child.stderr as (typeof child.stderr & NodeJS.RefCounted) | null];
}
