/** The far side of an engine, in a thread or a process: it owns the sessions, because a run holds its thread until it is done. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { DamagedModel } from './damaged-model.ts';
import { ModelSessions } from './model-sessions.ts';
import type { EngineOptions, EngineRequest, EngineResponse } from './protocol.ts';
import { buffersOf, type Tensor, type Tensors } from './tensor.ts';

interface LoadedModel {
  sessions: ModelSessions;
  bound: InferenceSession.FeedsType;
}

/** How requests come and answers leave. */
export interface EnginePort {
  respond(response: EngineResponse, transfer: ArrayBuffer[]): void;
  /** Takes no more requests, so that the thread or process ends. */
  close(): void;
  /** Whether the buffers of requests are the engine's own: then it frees them after a run. */
  ownsBuffers: boolean;
}

// Failures come back as errors; the log would only repeat them on stderr.
env.logLevel = 'fatal';

/**
 * Answers an engine's requests, one after the other, so that `close` comes after all that was asked before it.
 * @returns what takes a request
 */
export function serveSessions(options: EngineOptions, port: EnginePort): (request: EngineRequest) => void {
  const sessions = new Sessions(options, port);
  let last: Promise<void> = Promise.resolve();
  return (request) => {
    last = last.then(async () => {
      try {
        const result = await sessions.answer(request);
        port.respond({ id: request.id, result }, result ? buffersOf(result) : []);
      } catch (error) {
        const { name, message, stack } = error as Error;
        port.respond({ id: request.id, error: { name, message, stack } }, []);
      }
      if (request.kind === 'close') port.close();
    });
  };
}

class Sessions {
  readonly #options: EngineOptions;
  readonly #port: EnginePort;
  readonly #models = new Map<number, LoadedModel>();

  constructor(options: EngineOptions, port: EnginePort) {
    this.#options = options;
    this.#port = port;
  }

  async answer(request: EngineRequest): Promise<Tensors | undefined> {
    if (request.kind === 'load') {
      this.#models.set(request.session, {
        sessions: await ModelSessions.load(() => this.#create(request), request.sessionPerShape),
        bound: {},
      });
      return undefined;
    }
    if (request.kind === 'close') {
      for (const { sessions } of this.#models.values()) await sessions.release();
      this.#models.clear();
      return undefined;
    }
    if (request.kind === 'memory')
      return {
        bytes: { type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(process.memoryUsage.rss())) },
      };
    const loaded = this.#models.get(request.session);
    if (!loaded) throw new Error(`session ${request.session} is not loaded`);
    switch (request.kind) {
      case 'bind':
        Object.assign(loaded.bound, toFeeds(request.feeds));
        return undefined;
      case 'run': {
        const feeds = { ...loaded.bound, ...toFeeds(request.feeds) };
        const session = await loaded.sessions.of(request.feeds);
        const results = await session.run(feeds, [...(request.outputs ?? session.outputNames)]);
        if (this.#port.ownsBuffers) free(request.feeds);
        return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
      }
      case 'release':
        this.#models.delete(request.session);
        await loaded.sessions.release();
        return undefined;
    }
  }

  async #create({
    model,
    sha256,
    plansMemory = true,
  }: Extract<EngineRequest, { kind: 'load' }>): Promise<InferenceSession> {
    const options = { ...sessionOptions(this.#options) };
    if (!plansMemory) options.enableMemPattern = false;
    if (typeof model !== 'string') return InferenceSession.create(model, options);
    if (sha256 === undefined) return InferenceSession.create(model, options);
    // What was hashed is what is loaded, whatever happens to the file meanwhile.
    const bytes = await readFile(model);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new DamagedModel(`${model} does not have the sha256 that it was registered with`);
    return InferenceSession.create(bytes, options);
  }
}

function sessionOptions({ provider, threads }: EngineOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: provider === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Shapes change from batch to batch: a plan for each would only hold memory.
    enableMemPattern: provider !== 'cuda',
    logSeverityLevel: 4,
  };
}

/**
 * Gives the memory of a run's inputs back at once. Left to the garbage collector it would pile up: a thread that makes
 * hardly any garbage but these is made to mark its whole heap every few hundred images, in the middle of a request.
 */
function free(tensors: Tensors): void {
  for (const buffer of buffersOf(tensors)) buffer.transfer(0);
}

function toFeeds(tensors: Tensors): InferenceSession.FeedsType {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => [
      name,
      new OrtTensor(type, data as OrtTensor.DataTypeMap[typeof type], dims),
    ]),
  );
}

function fromOrt(tensor: OrtTensor): Tensor {
  return { type: tensor.type as Tensor['type'], dims: tensor.dims, data: tensor.data as Tensor['data'] };
}
