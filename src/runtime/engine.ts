import { Worker } from 'node:worker_threads';
import type { EngineOptions, EngineRequest, EngineResponse } from './protocol.ts';
import { buffersOf, type Tensors } from './tensor.ts';

/** A loaded model. */
export interface Session {
  /**
   * Runs the model. The feeds' buffers move to the engine's thread: the caller must not touch them afterwards.
   * @param outputs the outputs to return; all where absent
   */
  run(feeds: Tensors, outputs?: readonly string[]): Promise<Tensors>;
  /** Hands over inputs that stay the same in every later run. */
  bind(feeds: Tensors): Promise<void>;
  release(): Promise<void>;
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
  #ended: Error | undefined;
  #nextRequest = 0;
  #nextSession = 0;

  private constructor(options: EngineOptions) {
    this.provider = options.provider;
    this.#worker = new Worker(new URL('./engine-worker.ts', import.meta.url), { workerData: options });
    this.#worker.on('message', (response: EngineResponse) => this.#settle(response));
    this.#worker.on('error', (error) => this.#end(error as Error));
    this.#worker.on('exit', (code) => this.#end(new Error(`the engine's thread ended with code ${code}`)));
    // An idle engine keeps no process alive; a pending request does.
    this.#worker.unref();
  }

  static start(options: EngineOptions): Engine {
    return new Engine(options);
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
      run: async (feeds, outputs) =>
        (await this.#request({ kind: 'run', session, feeds, outputs }, buffersOf(feeds)))!,
      bind: async (feeds) => void (await this.#request({ kind: 'bind', session, feeds }, buffersOf(feeds))),
      release: async () => void (await this.#request({ kind: 'release', session }, [])),
    };
  }

  /** Ends the thread once everything asked of it before is answered. */
  async close(): Promise<void> {
    if (this.#ended) return;
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    await this.#request({ kind: 'close' }, []);
    this.#worker.ref();
    await exit;
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
      const error = new Error(response.error.message);
      error.stack = response.error.stack;
      pending?.reject(error);
    } else {
      pending?.resolve(response.result);
    }
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}
