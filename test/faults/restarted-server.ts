import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import { type StartedServer, startCommand, startServer } from '../e2e/server.ts';
import { Client } from './client.ts';
import type { Place } from './place.ts';
import { trainingsOf } from './trainings.ts';

/** Milliseconds within which a training ends by itself whose server was killed. */
const orphanPatience = 20_000;

/** A server that is killed and started again, always on the same data. */
export class RestartedServer {
  readonly #place: Place;
  readonly #secret: string;
  #server: StartedServer | undefined;
  /** Milliseconds that the last start took. */
  startTook = 0;

  get #flags(): string[] {
    // It is killed far more often than any job could be to blame for.
    return ['--engines', '1', '--threads', '1', '--max-job-crashes', '1000', ...this.#place.flags];
  }

  /** @param secret of a key that may do everything */
  constructor(place: Place, secret: string) {
    this.#place = place;
    this.#secret = secret;
  }

  get client(): Client {
    return new Client(this.#server!.address, this.#secret);
  }

  /** @param later milliseconds that its clock is ahead */
  async start(later = 0): Promise<void> {
    const began = performance.now();
    process.env.NODE_OPTIONS = clockAhead(later);
    this.#server = await startServer(this.#place.data, ...this.#flags);
    delete process.env.NODE_OPTIONS;
    this.startTook = performance.now() - began;
  }

  /** Starts it, and kills it some milliseconds later, whether it answers by then or not. */
  async startAndKill(delay: number): Promise<void> {
    const starting = startCommand('serve', '--port', '0', '--data', this.#place.data, ...this.#flags);
    await setTimeout(delay);
    starting.kill();
    await starting.ended;
  }

  /** The processes that train now. */
  async trainings(): Promise<number[]> {
    return trainingsOf(this.#server!);
  }

  /**
   * Kills it, and sees that no training outlives it.
   * @param withTrainings whether what trains is killed as well, at the same moment
   */
  async kill(withTrainings: boolean): Promise<void> {
    const trainings = await this.trainings();
    const ended = this.#server!.kill();
    if (withTrainings) for (const pid of trainings) killIfThere(pid);
    await ended;
    const since = Date.now();
    for (const pid of trainings)
      while (await isAlive(pid)) {
        expect(Date.now() - since, 'a training outlives its server').toBeLessThan(orphanPatience);
        await setTimeout(20);
      }
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }
}

/** Options for Node with which a process's clock is so many milliseconds ahead. */
export function clockAhead(milliseconds: number): string {
  const clock = `const now = Date.now; Date.now = () => now() + ${milliseconds}`;
  return `--import "data:text/javascript,${encodeURIComponent(clock)}"`;
}

/** @returns false where it has ended already */
export function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // One that has ended and that nobody has asked for yet is a zombie.
  return status !== undefined && !/\) Z /.test(status);
}
