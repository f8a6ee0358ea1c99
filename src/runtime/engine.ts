import { Worker } from 'node:worker_threads';
import { runtimeError } from './out-of-memory.ts';
import type { EngineOptions, EngineRequest, EngineResponse } from './protocol.ts';
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

/** The engine's thread has ended, whether it was told to or not: nothing more comes of it. */
export class EngineEnded extends Error {
  override readonly name = 'EngineEnded';
}

// Distributive, so that each kind of request keeps its own fields.
type RequestWithoutId = EngineRequest extends infer Request
  ? Request extends EngineRequest
    ? Omit<Request, 'id'>
    : never
  : never;

/**
 * ONNX Runtime in a thread of its own: a run blocks the thread that it is on, and this one may be blocked.
 * Never terminate the thread while a run is going on, ONNX Runtime would abort the process: `close` waits for it.
 * @example
 * const engine = Engine.start({ provider: 'cpu', threads: 2 });
 * const session = await engine.load('models/efficientnet-lite0/onnx/model.onnx');
 * const { features } = await session.run({ pixels });
 */
export class Engine {
  readonly provider: EngineOptions['provider'];
  readonly #worker: Worker;
  readonly #pending = new Map<number, { resolve(result?: Tensors): void; reject(error: Error): void }>();
  readonly #exit: Promise<void>;
  #ended: EngineEnded | undefined;
  #nextRequest = 0;
  #nextSession = 0;

  private constructor(options: EngineOptions) {
    this.provider = options.provider;
    this.#worker = new Worker(new URL('./engine-worker.ts', import.meta.url), { workerData: options });
    this.#worker.on('message', (response: EngineResponse) => this.#settle(response));
    this.#worker.on('error', (error) =>
      this.#end(new EngineEnded((error as Error).message, { cause: error })),
    );
    this.#exit = new Promise((resolve) =>
      this.#worker.on('exit', (code) => {
        this.#end(new EngineEnded(`the engine's thread ended with code ${code}`));
        resolve();
      }),
    );
    // An idle engine keeps no process alive; a pending request does.
    this.#worker.unref();
  }

  static start(options: EngineOptions): Engine {
    return new Engine(options);
  }

  /** Why nothing more can be asked of it; undefined while something can. */
  get ended(): EngineEnded | undefined {
    return this.#ended;
  }

  /** Resolves when the thread has ended. */
  get exit(): Promise<void> {
    return this.#exit;
  }

  /**
   * Loads a model from a file or from its bytes (which move to the engine's thread).
   * @throws Error where ONNX Runtime refuses the model
   */
  async load(model: string | Uint8Array): Promise<Session> {
    const session = this.#nextSession++;
    await this.#request(
      { kind: 'load', session, model },
      typeof model === 'string' ? [] : [model.buffer as ArrayBuffer],
    );
    return {
      run: async (given, outputs) => {
        const feeds = typeof given === 'function' ? given() : given;
        if (!feeds) return {};
        return (await this.#request({ kind: 'run', session, feeds, outputs }, buffersOf(feeds)))!;
      },
      bind: async (feeds) => void (await this.#request({ kind: 'bind', session, feeds }, buffersOf(feeds))),
      release: async () => void (await this.#request({ kind: 'release', session }, [])),
    };
  }

  /** Ends the thread once everything asked of it before is answered. */
  async close(): Promise<void> {
    if (this.#ended) return;
    // The answer may be overtaken by the end of the thread, which is as good.
    await this.#request({ kind: 'close' }, []).catch(() => {});
    this.#worker.ref();
    await this.#exit;
  }

  #request(request: RequestWithoutId, transfer: ArrayBuffer[]): Promise<Tensors | undefined> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = this.#nextRequest++;
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ ...request, id }, transfer);
    });
  }

  #settle(response: EngineResponse): void {
    const pending = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ('error' in response) {
      const error = runtimeError(response.error.message);
      error.stack = response.error.stack;
      pending?.reject(error);
    } else {
      pending?.resolve(response.result);
    }
  }

  #end(reason: EngineEnded): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}
