import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pythonEnvironment } from '../../scripts/python-environment.ts';

/**
 * A script that stays, most often of Python: one JSON object a line in, one out. Arrays travel as raw files.
 * @example
 * const peer = await PeerWorker.start('train.py');
 * const { seconds } = await peer.call({ command: 'train', steps: 100 });
 */
export class PeerWorker {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** @param script a file beside this one */
  static async start(script: string): Promise<PeerWorker> {
    const file = path.join(import.meta.dirname, script);
    return new PeerWorker(
      spawn(await pythonEnvironment(import.meta.dirname), [file], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
  }

  /** @param file a script of Node's, which speaks the same way */
  static node(file: string): PeerWorker {
    return new PeerWorker(spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  get processId(): number {
    return this.#process.pid!;
  }

  /** @throws Error where the script has ended; its own message went to stderr */
  async call<Answer>(request: object): Promise<Answer> {
    this.#process.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the Python worker ended before it answered');
    return JSON.parse(value);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.stdin!.end();
    await exit;
  }
}
