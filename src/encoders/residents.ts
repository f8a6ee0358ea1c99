import { performance } from 'node:perf_hooks';

/** Milliseconds after which loading that has not ended is taken for stuck. */
const longestLoad = 120_000;

export interface ResidentsOptions {
  /** Bytes of all that is loaded; one that alone is larger is loaded where nothing else is. */
  maximumBytes: number;
  /**
   * Milliseconds for which one stays loaded at least while it is used again and again, whoever waits for its room; default:
   * 1000. A twentieth of that without a use ends it.
   */
  minimumStay?: number;
}

export interface ResidentOptions<Value> {
  bytes: number;
  load(): Promise<Value>;
  unload(value: Value): Promise<void>;
}

export interface UseOptions {
  /** Ends the waiting. */
  signal?: AbortSignal;
  /** Whether the work uses the same value again, which is granted at once for as long as it lasts. */
  isOuter?: boolean;
}

/** A value that is loaded when it is used, and evicted when others need the room. */
export interface Resident<Value> {
  /** Whether it is loaded, and stays so for now. */
  readonly isLoaded: boolean;
  /**
   * Works with the value, which stays loaded that long.
   * @throws what loading throws, which is tried again the next time; the signal's reason where it aborts while waiting
   */
  use<Result>(work: (value: Value) => Promise<Result>, options?: UseOptions): Promise<Result>;
}

/**
 * Values that take much memory, each loaded when it is used and evicted when others need the room: first the one that was
 * used longest ago, and never one in use. Where all that is loaded is in use all the time, those that wait take turns with
 * it: the one that was loaded longest ago is granted to nobody any more, and evicted when the last user is done.
 * @example
 * const residents = new Residents({ maximumBytes: 2 ** 30 });
 * const text = residents.add({ bytes: 2 ** 29, load: () => loadEncoder(…), unload: (encoder) => encoder.close() });
 * const features = await text.use((encoder) => encoder.encode(batch));
 */
export class Residents<Value extends object> {
  readonly #maximumBytes: number;
  readonly #minimumStay: number;
  readonly #pause: number;
  readonly #slots = new Set<Slot<Value>>();
  /** Those that wait for room, in the order of asking. */
  readonly #queue: Slot<Value>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor({ maximumBytes, minimumStay = 1000 }: ResidentsOptions) {
    this.#maximumBytes = maximumBytes;
    this.#minimumStay = minimumStay;
    this.#pause = minimumStay / 20;
  }

  /** Bytes of what is loaded, or on its way in or out. */
  get bytes(): number {
    return sumOf(this.#held());
  }

  /**
   * When something was last being loaded, on the clock of `performance.now()`: this moment while it is. What fails, or
   * has been loading for more than two minutes, does not count.
   */
  get lastLoad(): number {
    const now = performance.now();
    const times = [...this.#slots].map(({ state, since }) =>
      state === 'loading' && now - since < longestLoad ? now : since,
    );
    return Math.max(Number.NEGATIVE_INFINITY, ...times);
  }

  add(options: ResidentOptions<Value>): Resident<Value> {
    const slot = new Slot(options);
    this.#slots.add(slot);
    return {
      get isLoaded() {
        return slot.state === 'loaded' && !slot.isLeaving;
      },
      use: async (work, { signal, isOuter = false } = {}) => {
        const value = slot.grant(isOuter) ?? (await this.#wait(slot, isOuter, signal));
        try {
          return await work(value);
        } finally {
          slot.giveBack(isOuter);
          if (this.#queue.length > 0) this.#makeRoom();
        }
      },
    };
  }

  /** Unloads everything, and refuses those that wait. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    await Promise.all([...this.#slots].map((slot) => slot.close()));
  }

  async #wait(slot: Slot<Value>, isOuter: boolean, signal?: AbortSignal): Promise<Value> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const waiting: Waiting<Value> = { isOuter, resolve, reject };
    const abandon = () => {
      slot.waiting.delete(waiting);
      reject(signal?.reason);
      this.#makeRoom();
    };
    slot.waiting.add(waiting);
    signal?.addEventListener('abort', abandon);
    if (slot.state !== 'loading' && !this.#queue.includes(slot)) this.#queue.push(slot);
    this.#makeRoom();
    return promise.finally(() => signal?.removeEventListener('abort', abandon));
  }

  /** Loads those that wait, the first of them first, as far as there is room or can be made. */
  #makeRoom(): void {
    clearTimeout(this.#timer);
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      if (next.waiting.size > 0 && next.state !== 'loaded') {
        if (next.state !== 'unloaded') return;
        const held = this.#held();
        if (held.length > 0 && sumOf(held) + next.bytes > this.#maximumBytes) {
          this.#evictFor(next, held);
          return;
        }
        void next.load().then(() => this.#makeRoom());
      }
      this.#queue.shift();
      next.stay();
    }
    // Nothing has to leave for anybody.
    for (const slot of this.#slots) slot.stay();
  }

  /** Evicts as much as is missing, as soon as may be. */
  #evictFor({ bytes }: Slot<Value>, held: readonly Slot<Value>[]): void {
    let excess = sumOf(held.filter(({ state }) => state !== 'unloading')) + bytes - this.#maximumBytes;
    let soonest = Number.POSITIVE_INFINITY;
    for (const slot of held.filter(({ state }) => state === 'loaded').sort(byTurn)) {
      if (excess <= 0) break;
      const end = slot.since + this.#minimumStay;
      const stay = (slot.users > 0 ? end : Math.min(end, slot.lastUse + this.#pause)) - performance.now();
      if (!slot.isLeaving && stay > 0) {
        soonest = Math.min(soonest, stay);
        continue;
      }
      excess -= slot.bytes;
      if (slot.users === 0) void slot.unload().then(() => this.#makeRoom());
      else slot.isLeaving = true;
    }
    if (excess > 0 && soonest < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#makeRoom(), soonest);
  }

  #held(): Slot<Value>[] {
    return [...this.#slots].filter(({ state }) => state !== 'unloaded');
  }
}

interface Waiting<Value> {
  isOuter: boolean;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/** Where a value is, or would be. */
class Slot<Value extends object> {
  readonly bytes: number;
  readonly #options: ResidentOptions<Value>;
  state: 'unloaded' | 'loading' | 'loaded' | 'unloading' = 'unloaded';
  #value: Value | undefined;
  #changing: Promise<void> = Promise.resolve();
  users = 0;
  /** Users that use it again. */
  #outer = 0;
  /** When loading it began or ended, unless it failed, and when it was last used. */
  since = Number.NEGATIVE_INFINITY;
  lastUse = 0;
  /** Whether nobody is granted it any more, because others wait for its room. */
  isLeaving = false;
  readonly waiting = new Set<Waiting<Value>>();

  constructor(options: ResidentOptions<Value>) {
    this.bytes = options.bytes;
    this.#options = options;
  }

  /** The value, for a user more; undefined where the user has to wait. */
  grant(isOuter: boolean): Value | undefined {
    const isRefused = this.isLeaving && (isOuter || this.#outer === 0);
    if (this.state !== 'loaded' || isRefused) return undefined;
    this.users++;
    this.#outer += Number(isOuter);
    return this.#value;
  }

  giveBack(isOuter: boolean): void {
    this.users--;
    this.#outer -= Number(isOuter);
    this.lastUse = performance.now();
  }

  /** Grants it to all that wait for it, where it is loaded. */
  stay(): void {
    if (this.state !== 'loaded') return;
    this.isLeaving = false;
    for (const waiting of this.waiting) {
      const value = this.grant(waiting.isOuter);
      if (value) waiting.resolve(value);
    }
    this.waiting.clear();
  }

  load(): Promise<void> {
    this.state = 'loading';
    this.since = performance.now();
    this.#changing = this.#options.load().then(
      (value) => {
        this.#value = value;
        this.state = 'loaded';
        this.since = performance.now();
        this.lastUse = this.since;
        this.stay();
      },
      (error) => {
        this.state = 'unloaded';
        this.since = Number.NEGATIVE_INFINITY;
        this.#refuse(error);
      },
    );
    return this.#changing;
  }

  unload(): Promise<void> {
    const value = this.#value;
    this.state = 'unloading';
    this.isLeaving = false;
    this.#value = undefined;
    this.#changing = (value ? this.#options.unload(value) : Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.state = 'unloaded';
      });
    return this.#changing;
  }

  async close(): Promise<void> {
    this.#refuse(new Error('it was closed'));
    await this.#changing;
    if (this.state === 'loaded') await this.unload();
  }

  #refuse(error: unknown): void {
    for (const { reject } of this.waiting) reject(error);
    this.waiting.clear();
  }
}

function sumOf(slots: readonly { bytes: number }[]): number {
  return slots.reduce((sum, { bytes }) => sum + bytes, 0);
}

type Turn = Pick<Slot<object>, 'users' | 'isLeaving' | 'lastUse' | 'since'>;

/** Which of two is evicted first: unused ones by their last use, then those that leave already, then the one that stays longest. */
function byTurn(a: Turn, b: Turn): number {
  const rank = ({ users, isLeaving }: Turn) => (users === 0 ? 0 : isLeaving ? 1 : 2);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  return rank(a) === 0 ? a.lastUse - b.lastUse : a.since - b.since;
}
