import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as send } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { main } from '../e2e/server.ts';
import type { LongestTurn } from './probe.ts';

const probe = fileURLToPath(new URL('probe.ts', import.meta.url));
/** MiB of heap that an attack may use before it ends the server, so that it cannot end the machine. */
const heap = 2048;

/** A request as it travels. */
export interface Attack {
  name: string;
  method: string;
  path: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer;
}

export interface Outcome {
  /** Undefined where the server ended the connection without an answer. */
  status: number | undefined;
  /** Of the answer. */
  bytes: number;
  longestTurn: LongestTurn;
  /** Most resident memory during the attack above that before it, in MiB; NaN where the system does not say. */
  peak: number;
}

/**
 * A real server in a process of its own, and what attacks do to its event loop and memory.
 * @example
 * await using server = await AttackedServer.start();
 * const { longestTurn, peak } = await server.attack({ name: 'text', method: 'POST', path: '/v1/predict', body });
 */
export class AttackedServer {
  readonly address: string;
  readonly grpc: string;
  readonly #child: ChildProcess;
  readonly #data: string;

  private constructor(child: ChildProcess, data: string, announced: { address: string; grpc: string }) {
    this.#child = child;
    this.#data = data;
    this.address = announced.address;
    this.grpc = announced.grpc;
  }

  /** Starts it, and waits until it announces itself. */
  static async start(...flags: string[]): Promise<AttackedServer> {
    const data = await mkdtemp(path.join(tmpdir(), 'attack-'));
    const node = [`--max-old-space-size=${heap}`, '--import', probe];
    const serve = [
      'serve',
      '--json',
      '--port',
      '0',
      '--grpc-port',
      '0',
      '--data',
      data,
      '--log-level',
      'error',
    ];
    const child = spawn(process.execPath, [...node, main, ...serve, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    let text = '';
    for await (const line of createInterface({ input: child.stdout! })) {
      text += line;
      if (line === '}') break;
    }
    return new AttackedServer(child, data, JSON.parse(text));
  }

  /** Whether the process still runs. */
  get lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a request, reads its answer to the end, and measures the server meanwhile. */
  async attack(attack: Attack): Promise<Outcome> {
    return this.measure(() => this.send(attack));
  }

  /** Measures the server during work of any kind. */
  async measure<Result extends object>(
    work: () => Promise<Result>,
  ): Promise<Result & Pick<Outcome, 'longestTurn' | 'peak'>> {
    this.#child.send('begin');
    await this.#forgetPeak();
    const before = await this.#mebibytes('VmRSS');
    const result = await work();
    this.#child.send('end');
    const [longestTurn] = await once(this.#child, 'message', { signal: AbortSignal.timeout(60_000) });
    return { ...result, longestTurn, peak: (await this.#mebibytes('VmHWM')) - before };
  }

  /**
   * Sends a request, leaves in the middle, waits for `grace` milliseconds, and measures what is still done.
   * @returns the share of one core that the server uses in the second after
   */
  async abandon(
    { method, path, headers, body }: Attack,
    { after = 300, grace = 3000 } = {},
  ): Promise<number> {
    const request = send(this.address + path, { method, headers: headersOf(headers, body) });
    request.on('error', () => {});
    request.end(body);
    await sleep(after);
    request.destroy();
    return this.workLeft(grace);
  }

  /** Waits for `grace` milliseconds. @returns the share of one core that the server uses in the second after */
  async workLeft(grace = 3000): Promise<number> {
    await sleep(grace);
    const before = await this.#cpuSeconds();
    await sleep(1000);
    return (await this.#cpuSeconds()) - before;
  }

  /** Waits until the server does nothing. */
  async settle(): Promise<void> {
    for (let busy = 1; busy > 0.2; ) {
      const before = await this.#cpuSeconds();
      await sleep(250);
      busy = 4 * ((await this.#cpuSeconds()) - before);
    }
  }

  /** MiB of memory that the server has; NaN where the system does not say. */
  resident(): Promise<number> {
    return this.#mebibytes('VmRSS');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    if (this.lives) await once(this.#child, 'exit');
    await rm(this.#data, { recursive: true, force: true });
  }

  /** Sends a request, and reads its answer to the end. */
  async send({ method, path, headers, body }: Attack): Promise<Pick<Outcome, 'status' | 'bytes'>> {
    const request = send(this.address + path, { method, headers: headersOf(headers, body) });
    // A server that refuses a body may close the connection before all of it is sent.
    request.on('error', () => {});
    const closed = new Promise<undefined>((resolve) => request.once('close', () => resolve(undefined)));
    const answered = new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
    request.setTimeout(60_000, () => request.destroy());
    request.end(body);
    const response = await Promise.race([answered, closed]);
    let bytes = 0;
    try {
      for await (const piece of response?.iterator({ destroyOnReturn: false }) ?? []) bytes += piece.length;
    } catch (error) {
      // An answer that has begun is cut off where the rest of the body may not be read.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    }
    return { status: response?.statusCode, bytes };
  }

  /** User and system time of all threads. */
  async #cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  #forgetPeak(): Promise<void> {
    return writeFile(`/proc/${this.#child.pid}/clear_refs`, '5').catch(() => {});
  }

  /** A figure of the process's memory, as Linux has it. */
  async #mebibytes(name: 'VmHWM' | 'VmRSS'): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8').catch(() => '');
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  }
}

function headersOf(headers: Attack['headers'] = {}, body?: Buffer) {
  return { ...headers, ...(body && { 'Content-Length': String(body.length) }) };
}
