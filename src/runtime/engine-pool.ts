import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import { required } from '../indexing.ts';
import { Engine, EngineEnded, EngineTimeout, type Runnable } from './engine.ts';
import { OutOfMemory } from './out-of-memory.ts';
import type { EngineOptions, LoadOptions, Provider } from './protocol.ts';

/** What a pool tells of its engines. */
export interface EngineEvents {
  /** Told of every engine that ended by itself, or is replaced because its memory doesn't come back. */
  onLoss?(error: EngineEnded): void;
  /** Told of every run that found no memory. */
  onOutOfMemory?(error: OutOfMemory): void;
}

export interface EnginePoolOptions extends EngineOptions, EngineEvents {
  engines: number;
  /**
   * When an engine that replaces another loads the models: all of them before it is used (the default), or each when it
   * is first run. Then a model whose file is gone fails its own runs, and keeps no engine from starting.
   */
  reload?: 'before-use' | 'when-run';
  /** Starts an engine; default: one of its own. */
  start?(options: EngineOptions): Engine;
}

/** Something that loads models: an engine, or a pool of them. */
export interface ModelLoader {
  /** What its models run on. */
  readonly provider: Provider;
  /**
   * @throws Error where ONNX Runtime refuses the model; DamagedModel where the file has another sha256
   */
  load(model: string, options?: LoadOptions): Promise<Runnable>;
}

interface Model {
  file: string;
  options?: LoadOptions;
}

interface Member {
  readonly engine: Engine;
  readonly sessions: Map<number, Runnable>;
  /** Loads that wait for what it runs to end. */
  readonly loads: (() => void)[];
  /** Runs in a row that found no memory. */
  failures: number;
  /** Why it gets no more runs, though it has not ended yet. */
  retired?: EngineEnded;
}

/**
 * An engine that finds no memory so many times in a row is replaced: the second time is the half of a batch that was
 * too large, so what it needs is held by something that only its end gives back.
 */
const mostFailures = 2;

/** Milliseconds until another is started in the place of one that did not start. */
const startPause = 1000;

/** Milliseconds that the engines have to finish what they run when they are closed. */
const closingGrace = 10_000;
/** Milliseconds within which a killed process is gone. */
const killedWithin = 2000;

/** An engine still runs and cannot be ended: the process ends only where it is killed. */
export class EngineStuck extends Error {
  override readonly name = 'EngineStuck';
}

/** Whether a promise settles in time. */
function resolvesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Several engines with the same models. A run goes to whichever is free first, in the order of asking; one that ends
 * by itself is replaced, and what it was running is run once more elsewhere. One whose memory doesn't come back is
 * replaced as well.
 * @example
 * const pool = EnginePool.start({ engines: 2, provider: 'cpu', threads: 1 });
 * const session = await pool.load('models/efficientnet-lite0/onnx/model.onnx');
 * const { features } = await session.run(() => ({ pixels }));
 */
export class EnginePool implements ModelLoader {
  readonly provider: Provider;
  readonly #start: () => Engine;
  readonly #reload: EnginePoolOptions['reload'];
  readonly #events: EngineEvents;
  readonly #models = new Map<number, Model>();
  readonly #members = new Set<Member>();
  /** Those that get no more runs, and have not ended yet. */
  readonly #retired = new Set<Member>();
  readonly #idle: Member[] = [];
  readonly #waiting: { grant(member: Member): void; refuse(error: Error): void }[] = [];
  readonly #closing = new AbortController();
  /** Runs that have an engine, and engines that are being closed. */
  readonly #running = new Set<Promise<unknown>>();
  /** Loads beside runs of other models: half of the engines go on with those. */
  readonly #inTurn: ReturnType<typeof pLimit>;
  /** Models that every engine has loaded, which may be run meanwhile. */
  #ready = 0;
  #nextModel = 0;

  private constructor({
    engines,
    reload = 'before-use',
    start = Engine.start,
    onLoss,
    onOutOfMemory,
    ...options
  }: EnginePoolOptions) {
    this.provider = options.provider;
    this.#start = () => start(options);
    this.#reload = reload;
    this.#events = { onLoss, onOutOfMemory };
    this.#inTurn = pLimit(Math.max(1, engines >> 1));
    for (let index = 0; index < engines; index++) this.#admit(this.#member());
  }

  static start(options: EnginePoolOptions): EnginePool {
    return new EnginePool(options);
  }

  /**
   * Loads a model on every engine. An engine runs nothing while it loads, so where others could be run meanwhile half of the
   * engines load at a time; a single engine runs nothing until it is done.
   * @param file of the model, which must stay: an engine that replaces another loads it again
   * @returns what runs it; a run throws EngineTimeout where an engine was killed over it, EngineEnded where two engines
   * ended over it, or the pool is closed, and whatever loading throws where it cannot be loaded again
   * @throws Error where ONNX Runtime refuses the model; DamagedModel; EngineTimeout; EngineEnded where the pool is closed
   */
  async load(file: string, options?: LoadOptions): Promise<Runnable> {
    const id = this.#nextModel++;
    this.#models.set(id, { file, options });
    try {
      const loadOn = (member: Member) => this.#loadOn(member, id);
      const isFirst = this.#ready === 0;
      const loaded = await Promise.all(
        [...this.#members].map((member) => (isFirst ? loadOn(member) : this.#inTurn(loadOn, member))),
      );
      // Where every engine ended meanwhile, one that comes after them says whether it takes the model.
      if (!loaded.includes(true)) await this.#run(id, () => undefined);
    } catch (error) {
      this.#models.delete(id);
      throw error;
    }
    this.#ready++;
    return {
      run: (feeds, outputs) =>
        this.#run(id, feeds, outputs).catch((error) => {
          // What an engine was killed over would keep the next one as long.
          const wasLost = error instanceof EngineEnded && !(error instanceof EngineTimeout);
          if (!wasLost || typeof feeds !== 'function') throw error;
          return this.#run(id, feeds, outputs);
        }),
      release: async () => {
        if (this.#models.delete(id)) this.#ready--;
        const held = [...this.#members].flatMap(({ sessions }) => {
          const session = sessions.get(id);
          sessions.delete(id);
          return session ? [session.release()] : [];
        });
        // An engine that ends meanwhile has released it as well.
        await Promise.allSettled(held);
      },
    };
  }

  /**
   * Ends every engine once what it runs is done; what waits is refused. An engine that does not end in time is killed.
   * @param grace milliseconds that this may take
   * @throws EngineStuck where an engine in a thread, which cannot be killed, still runs
   */
  async close(grace = closingGrace): Promise<void> {
    this.#closing.abort();
    for (const { refuse } of this.#waiting.splice(0)) refuse(new EngineEnded('the engines are closed'));
    const engines = [...this.#members, ...this.#retired].map(({ engine }) => engine);
    const ended = Promise.allSettled(this.#running).then(() =>
      Promise.all([...this.#members].map(({ engine }) => engine.close())),
    );
    if (await resolvesWithin(ended, grace)) return;
    const killed = engines.filter((engine) => engine.kill()).map(({ exit }) => exit);
    await resolvesWithin(Promise.all(killed), killedWithin);
    const stuck = engines.filter((engine) => !engine.ended);
    if (stuck.length > 0) throw new EngineStuck(`${stuck.length} of the engines do not end`);
  }

  async #run(id: number, ...[feeds, outputs]: Parameters<Runnable['run']>): ReturnType<Runnable['run']> {
    if (this.#closing.signal.aborted) throw new EngineEnded('the engines are closed');
    const member = this.#idle.pop() ?? (await this.#turn());
    const run = this.#sessionOf(member, id).then((session) => session.run(feeds, outputs));
    this.#running.add(run);
    try {
      const results = await run;
      member.failures = 0;
      return results;
    } catch (error) {
      if (error instanceof OutOfMemory) this.#foundNoMemory(member, error);
      throw error;
    } finally {
      this.#running.delete(run);
      this.#giveBack(member);
    }
  }

  /** A model's session on an engine, loaded there where an engine before it was the one that had it. */
  async #sessionOf({ engine, sessions }: Member, id: number): Promise<Runnable> {
    const known = sessions.get(id);
    if (known) return known;
    const model = this.#models.get(id);
    if (model === undefined) throw new Error('the model was released');
    const session = await engine.load(model.file, model.options);
    sessions.set(id, session);
    return session;
  }

  /** Loads a model on an engine. @returns whether the engine lived on until it was loaded */
  async #loadOn(member: Member, id: number): Promise<boolean> {
    if (!(await this.#hold(member))) return false;
    try {
      // Another engine may have refused it meanwhile.
      if (this.#models.has(id)) await this.#sessionOf(member, id);
      return true;
    } catch (error) {
      if (error instanceof EngineEnded && !(error instanceof EngineTimeout)) return false;
      throw error;
    } finally {
      this.#giveBack(member);
    }
  }

  /** Takes an engine once what it runs is done, ahead of what waits. @returns false where it ends before */
  #hold(member: Member): Promise<boolean> {
    if (!this.#members.has(member)) return Promise.resolve(false);
    const place = this.#idle.indexOf(member);
    if (place >= 0) {
      this.#idle.splice(place, 1);
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      member.loads.push(() => resolve(true));
      void member.engine.exit.then(() => resolve(false));
    });
  }

  #foundNoMemory(member: Member, error: OutOfMemory): void {
    this.#events.onOutOfMemory?.(error);
    if (++member.failures < mostFailures) return;
    member.retired = new EngineEnded('its memory does not come back', { cause: error });
    // Nothing more is loaded on it; its end, when the memory is free again, lets another take its place.
    this.#members.delete(member);
    this.#retired.add(member);
    const ending = member.engine.close();
    this.#running.add(ending);
    void ending.then(() => this.#running.delete(ending));
  }

  #turn(): Promise<Member> {
    return new Promise((grant, refuse) => this.#waiting.push({ grant, refuse }));
  }

  #giveBack(member: Member): void {
    if (member.engine.ended || member.retired) return;
    const load = member.loads.shift();
    if (load) {
      load();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.grant(member);
    else this.#idle.push(member);
  }

  #admit(member: Member): void {
    this.#members.add(member);
    void member.engine.exit.then(() => this.#replace(member));
    this.#giveBack(member);
  }

  async #replace(lost: Member): Promise<void> {
    this.#members.delete(lost);
    this.#retired.delete(lost);
    const place = this.#idle.indexOf(lost);
    if (place >= 0) this.#idle.splice(place, 1);
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#events.onLoss?.(
      lost.retired ?? required(lost.engine.ended, 'the reason for the end of the engine'),
    );
    // Where one cannot be started, neither can the next at once.
    if (!lost.engine.hasStarted) await pause(startPause, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const forever = { retries: Number.POSITIVE_INFINITY, maxTimeout: 30_000, signal };
    // Only a pool that closes gives up.
    await pRetry(() => this.#startAnother(), forever).catch(() => {});
  }

  async #startAnother(): Promise<void> {
    const member = this.#member();
    try {
      // More may be loaded meanwhile by who knows nothing of this engine yet.
      for (let missing = this.#missingIn(member); missing.length > 0; missing = this.#missingIn(member))
        await Promise.all(
          missing.map(async ([id, { file, options }]) =>
            member.sessions.set(id, await member.engine.load(file, options)),
          ),
        );
      this.#closing.signal.throwIfAborted();
    } catch (error) {
      await member.engine.close();
      throw error;
    }
    this.#admit(member);
  }

  #member(): Member {
    return { engine: this.#start(), sessions: new Map(), loads: [], failures: 0 };
  }

  #missingIn({ sessions }: Member): [id: number, model: Model][] {
    if (this.#reload === 'when-run') return [];
    return [...this.#models].filter(([id]) => !sessions.has(id));
  }
}
