import type { Client } from './client.ts';
import type { Tally } from './tally.ts';

/**
 * What a client knows of one kind of thing: what was acknowledged to it, and what it asked for last and never heard
 * of, because the server was killed meanwhile.
 */
export interface Ledger {
  /** Compares all of it with what a server has. What was in flight is there wholly, or not at all, from then on. */
  check(client: Client, found: Findings): Promise<void>;
}

/** What checking has counted. */
export class Findings {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Something that was acknowledged is there and right. */
  checked(kind: string, count = 1): void {
    this.#tally.add(kind, 'acknowledged, checked', count);
  }

  /** Something that was in flight is there, whole, or it isn't at all. */
  settled(kind: string, isThere: boolean): void {
    this.#tally.add(kind, isThere ? 'in flight, there' : 'in flight, absent');
  }
}
