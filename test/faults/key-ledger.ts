import { expect } from 'vitest';
import type { Random } from '../../src/random.ts';
import { type CommandResult, runCommand, startCommand } from '../e2e/server.ts';
import type { Client } from './client.ts';
import type { Findings, Ledger } from './ledger.ts';

interface KnownKey {
  id?: string;
  /** Only the reader of the command's answer has it. */
  secret?: string;
  state: 'creating' | 'there' | 'revoking' | 'revoked';
}

/** A command was killed before it answered. */
export class CommandKilled extends Error {}

const mostValid = 5;

/** Keys, made and revoked on the command line beside the server. */
export class KeyLedger implements Ledger {
  readonly #known = new Map<string, KnownKey>();
  readonly #flags: readonly string[];
  readonly #random: Random;
  #running: ReturnType<typeof startCommand> | undefined;
  #count = 0;

  /** @param flags that name the place */
  constructor(random: Random, flags: readonly string[]) {
    this.#random = random;
    this.#flags = flags;
  }

  /** Makes an admin key. @returns its secret */
  async begin(): Promise<string> {
    const { stdout } = await runCommand(
      'keys',
      'create',
      'tester',
      '--scope',
      'admin',
      '--json',
      ...this.#flags,
    );
    return JSON.parse(stdout).secret;
  }

  async act(): Promise<void> {
    const valid = [...this.#known].filter(([, { state }]) => state === 'there');
    if (valid.length > mostValid || (valid.length > 2 && this.#random.nextInteger(3) === 0)) {
      const [, key] = valid[this.#random.nextInteger(valid.length)];
      key.state = 'revoking';
      await this.#run('revoke', key.id!);
      key.state = 'revoked';
    } else {
      const name = `key-${this.#count++}`;
      const key: KnownKey = { state: 'creating' };
      this.#known.set(name, key);
      const { id, secret } = JSON.parse((await this.#run('create', name)).stdout);
      Object.assign(key, { id, secret, state: 'there' });
    }
  }

  /** Kills the command that runs. */
  kill(): void {
    this.#running?.kill();
  }

  async check(client: Client, found: Findings): Promise<void> {
    const isUncertain = [...this.#known.values()].some(({ state }) => /ing$/.test(state));
    if (isUncertain) await this.#settle(found);
    for (const { secret, state } of this.#known.values()) {
      if (secret === undefined) continue;
      await client.as(secret).expect(state === 'there' ? 200 : 401, 'GET', '/v1/heads');
      found.checked('keys');
    }
  }

  async #settle(found: Findings): Promise<void> {
    const { stdout } = await runCommand('keys', 'list', '--json', ...this.#flags);
    const { keys }: { keys: { id: string; name: string }[] } = JSON.parse(stdout);
    for (const [name, key] of this.#known) {
      const there = keys.filter((key) => key.name === name);
      expect(there.length).toBeLessThan(2);
      if (key.state === 'creating') {
        found.settled('keys', there.length === 1);
        // Nobody knows its secret; it stays, and does no harm.
        this.#known.delete(name);
      } else if (key.state === 'revoking') {
        found.settled('keys', there.length === 0);
        key.state = there.length === 1 ? 'there' : 'revoked';
      } else expect(there.length, `the key ${name} is ${key.state}`).toBe(key.state === 'there' ? 1 : 0);
    }
  }

  async #run(...args: string[]): Promise<CommandResult> {
    this.#running = startCommand('keys', ...args, '--json', ...this.#flags);
    const result = await this.#running.ended;
    this.#running = undefined;
    if (result.code === null) throw new CommandKilled();
    expect(result.code, result.stderr + result.stdout).toBe(0);
    return result;
  }
}
