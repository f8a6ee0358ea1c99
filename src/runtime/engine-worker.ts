/** The thread side of an engine: it owns the sessions, because a run holds its thread until it is done. */
import { parentPort, workerData } from 'node:worker_threads';
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { EngineOptions, EngineRequest, EngineResponse } from './protocol.ts';
import { buffersOf, type Tensor, type Tensors } from './tensor.ts';

interface LoadedSession {
  session: InferenceSession;
  bound: InferenceSession.FeedsType;
}

const options = workerData as EngineOptions;
const sessions = new Map<number, LoadedSession>();
const port = parentPort!;

// Failures come back as errors; the log would only repeat them on stderr.
env.logLevel = 'fatal';

/** Requests are answered one after the other, so that `close` comes after all that was asked before it. */
let last: Promise<void> = Promise.resolve();
port.on('message', (request: EngineRequest) => {
  last = last.then(async () => {
    try {
      const result = await answer(request);
      respond({ id: request.id, result }, result);
    } catch (error) {
      const { message, stack } = error as Error;
      respond({ id: request.id, error: { message, stack } });
    }
    if (request.kind === 'close') port.close();
  });
});

function respond(response: EngineResponse, result: Tensors = {}): void {
  port.postMessage(response, buffersOf(result));
}

async function answer(request: EngineRequest): Promise<Tensors | undefined> {
  if (request.kind === 'load') {
    sessions.set(request.session, { session: await createSession(request.model), bound: {} });
    return undefined;
  }
  if (request.kind === 'close') {
    for (const { session } of sessions.values()) await session.release();
    sessions.clear();
    return undefined;
  }
  const loaded = sessions.get(request.session);
  if (!loaded) throw new Error(`session ${request.session} is not loaded`);
  switch (request.kind) {
    case 'bind':
      Object.assign(loaded.bound, toFeeds(request.feeds));
      return undefined;
    case 'run': {
      const feeds = { ...loaded.bound, ...toFeeds(request.feeds) };
      const results = await loaded.session.run(feeds, [...(request.outputs ?? loaded.session.outputNames)]);
      free(request.feeds);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
    }
    case 'release':
      sessions.delete(request.session);
      await loaded.session.release();
      return undefined;
  }
}

function createSession(model: string | Uint8Array): Promise<InferenceSession> {
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: options.provider === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Shapes change from batch to batch: a plan for each would only hold memory.
    enableMemPattern: options.provider !== 'cuda',
    logSeverityLevel: 4,
  };
  return typeof model === 'string'
    ? InferenceSession.create(model, sessionOptions)
    : InferenceSession.create(model, sessionOptions);
}

/**
 * Gives the memory of a run's inputs back at once. Left to the garbage collector it would pile up: a thread that makes
 * hardly any garbage but these is made to mark its whole heap every few hundred pictures, in the middle of a request.
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
