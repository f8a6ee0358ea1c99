import { required } from '../indexing.ts';
import { DamagedModel } from './damaged-model.ts';
import { type EngineHost, type HostEvents, startProcess, startThread } from './engine-host.ts';
import { runtimeError } from './out-of-memory.ts';
import type { EngineOptions, EngineRequest, EngineResponse, LoadOptions } from './protocol.ts';
import { buffersOf, type Tensors } from './tensor.ts';

/** A model that can be run. */
export interface Runnable {
  /**
   * Runs the model. The feeds' buffers move to the engine's thread: the caller must not touch them afterwards.
   * @param feeds the inputs; or what makes them, called when the run can start at once. Where it makes none, nothing
   * is run, and the answer has no tensors. It may be called a second time, where an engine ends during the run.
   * @param outputs the outputs to return; all where absent
   * @throws OutOfMemory where there is no memory for it; less may succeed
   */
  run(feeds: Tensors | (() => Tensors | undefined), outputs?: readonly string[]): Promise<Tensors>;
  release(): Promise<void>;
}

/** A model of one engine. */
export interface Session extends Runnable {
  /** Hands over inputs that stay the same in every later run. */
  bind(feeds: Tensors): Promise<void>;
}

/** The engine has ended, whether it was told to or not: nothing more comes of it. */
export class EngineEnded extends Error {
  override readonly name: string = 'EngineEnded';
}

/** The engine was killed because a run, or a model to load, took longer than it may. */
export class EngineTimeout extends EngineEnded {
  override readonly name = 'EngineTimeout';
}

export interface EngineLimits {
  /** Milliseconds that the engine may take for one request before it is killed; its start does not count. */
  timeout: number;
}

/** Milliseconds within which a process has started, however busy the machine is. */
const startTimeout = 60_000;

// Distributive, so that each kind of request keeps its own fields.
type RequestWithoutId = EngineRequest extends infer Request
  ? Request extends EngineRequest
    ? Omit<Request, 'id'>
    : never
  : never;

/**
 * ONNX Runtime in a thread of its own, or in a process of its own that is killed where it takes too long: a run blocks
 * the thread that it is on, and this one may not be blocked. A thread cannot be ended while a run is going on; `close`
 * waits for it.
 * @example
 * const engine = Engine.start({ provider: 'cpu', threads: 2 });
 * const session = await engine.load('models/efficientnet-lite0/onnx/model.onnx');
 * const { features } = await session.run({ pixels });
 */
export class Engine {
  readonly provider: EngineOptions['provider'];
  readonly #host: EngineHost;
  readonly #limits: EngineLimits | undefined;
  readonly #pending = new Map<number, { resolve(result?: Tensors): void; reject(error: Error): void }>();
  readonly #exit: Promise<void>;
  #ended: EngineEnded | undefined;
  #isReady = false;
  #deadline: NodeJS.Timeout | undefined;
  #nextRequest = 0;
  #nextSession = 0;

  private constructor(
    options: EngineOptions,
    start: (options: EngineOptions, events: HostEvents) => EngineHost,
    limits?: EngineLimits,
  ) {
    this.provider = options.provider;
    this.#limits = limits;
    const exit = Promise.withResolvers<void>();
    this.#exit = exit.promise;
    this.#host = start(options, {
      onReady: () => {
        this.#isReady = true;
        this.#watch();
      },
      onResponse: (response) => this.#settle(response),
      onFailure: (error) => this.#end(new EngineEnded(error.message, { cause: error })),
      onExit: (how) => {
        this.#end(new EngineEnded(how));
        exit.resolve();
      },
    });
    // An idle engine keeps no process alive; a pending request does.
    this.#host.hold(false);
  }

  static start(options: EngineOptions): Engine {
    return new Engine(options, startThread);
  }

  /**
   * Starts one in a process of its own, for models that are not trusted to end.
   * @example Engine.startProcess({ provider: 'cpu', threads: 1 }, { timeout: 5000 })
   */
  static startProcess(options: EngineOptions, limits: EngineLimits): Engine {
    return new Engine(options, startProcess, limits);
  }

  /** Why nothing more can be asked of it; undefined while something can. */
  get ended(): EngineEnded | undefined {
    return this.#ended;
  }

  /** Whether its thread, or process, has started. */
  get hasStarted(): boolean {
    return this.#isReady;
  }

  /** Resolves when the thread, or process, has ended. */
  get exit(): Promise<void> {
    return this.#exit;
  }

  /**
   * Loads a model from a file or from its bytes (which move to the engine's thread).
   * @throws Error where ONNX Runtime refuses the model; DamagedModel where the file has another sha256
   */
  async load(model: string | Uint8Array, options: LoadOptions = {}): Promise<Session> {
    const session = this.#nextSession++;
    await this.#request(
      { kind: 'load', session, model, ...options },
      typeof model === 'string' ? [] : [model.buffer as ArrayBuffer],
    );
    return {
      run: async (given, outputs) => {
        const feeds = typeof given === 'function' ? given() : given;
        if (!feeds) return {};
        const tensors = await this.#request({ kind: 'run', session, feeds, outputs }, buffersOf(feeds));
        return required(tensors, 'what the model returns');
      },
      bind: async (feeds) => void (await this.#request({ kind: 'bind', session, feeds }, buffersOf(feeds))),
      release: async () => void (await this.#request({ kind: 'release', session }, [])),
    };
  }

  /**
   * Bytes of memory that its process holds; of an engine in a thread those of this whole process.
   * @throws EngineEnded
   */
  async memory(): Promise<number> {
    const { bytes } = required(await this.#request({ kind: 'memory' }, []), 'the memory of the engine');
    return Number(bytes?.data[0]);
  }

  /** Ends the engine once everything asked of it before is answered. */
  async close(): Promise<void> {
    if (this.#ended) return;
    // The answer may be overtaken by the end of the thread, which is as good.
    await this.#request({ kind: 'close' }, []).catch(() => {});
    this.#host.hold(true);
    await this.#exit;
  }

  /** Ends the engine at once, whatever it runs. @returns false where it is a thread, which cannot be ended */
  kill(): boolean {
    return this.#host.kill();
  }

  #request(request: RequestWithoutId, transfer: ArrayBuffer[]): Promise<Tensors | undefined> {
    if (this.#ended) return Promise.reject(bystander(this.#ended));
    return new Promise((resolve, reject) => {
      const id = this.#nextRequest++;
      this.#pending.set(id, { resolve, reject });
      if (this.#pending.size === 1) this.#watch();
      this.#host.hold(true);
      this.#host.post({ ...request, id }, transfer);
    });
  }

  #settle(response: EngineResponse): void {
    const pending = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    this.#watch();
    if (this.#pending.size === 0) this.#host.hold(false);
    if ('error' in response) {
      const { name, message, stack } = response.error;
      const error = name === 'DamagedModel' ? new DamagedModel(message) : runtimeError(message);
      error.stack = stack;
      pending?.reject(error);
    } else {
      pending?.resolve(response.result);
    }
  }

  /** Requests are answered in order: the time of the oldest begins when the one before it is answered. */
  #watch(): void {
    clearTimeout(this.#deadline);
    if (!this.#limits || this.#pending.size === 0 || this.#ended) return;
    const timeout = this.#isReady ? this.#limits.timeout : startTimeout;
    this.#deadline = setTimeout(() => {
      this.#end(new EngineTimeout(`the engine gave no answer within ${timeout} ms and was killed`));
      this.#host.kill();
    }, timeout);
  }

  /** @param reason what the oldest request fails of; those behind it had no turn, and are not to blame */
  #end(reason: EngineEnded): void {
    this.#ended ??= reason;
    clearTimeout(this.#deadline);
    const [oldest, ...others] = this.#pending.values();
    oldest?.reject(reason);
    for (const { reject } of others) reject(bystander(reason));
    this.#pending.clear();
  }
}

/** The end of an engine, to a request that it did not end over. */
function bystander(reason: EngineEnded): EngineEnded {
  return reason instanceof EngineTimeout ? new EngineEnded(reason.message, { cause: reason }) : reason;
}
