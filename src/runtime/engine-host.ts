import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { engineArguments } from './engine-arguments.ts';
import { type EngineOptions, type EngineRequest, type EngineResponse, engineReady } from './protocol.ts';

/** What a host tells of what it runs. */
export interface HostEvents {
  /** It has started; requests that came before waited. */
  onReady(): void;
  onResponse(response: EngineResponse): void;
  /** It cannot go on. */
  onFailure(error: Error): void;
  /** @param how it ended, in words */
  onExit(how: string): void;
}

/** Where an engine runs: a thread, or a process. */
export interface EngineHost {
  post(request: EngineRequest, transfer: ArrayBuffer[]): void;
  /** Whether it keeps this process alive. */
  hold(isHeld: boolean): void;
  /** Ends it at once; false where that cannot be done. */
  kill(): boolean;
}

/**
 * A thread. Buffers move to it and back. It must never be terminated while a run is going on: ONNX Runtime would abort
 * the process.
 */
export function startThread(
  options: EngineOptions,
  { onReady, onResponse, onFailure, onExit }: HostEvents,
): EngineHost {
  const worker = new Worker(new URL('./engine-worker.ts', import.meta.url), { workerData: options });
  worker.on('online', onReady);
  worker.on('message', onResponse);
  worker.on('error', (error) => onFailure(error as Error));
  worker.on('exit', (code) => onExit(`the engine's thread ended with code ${code}`));
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    kill: () => false,
  };
}

/** A process, which can be killed whatever it runs. Tensors are copied to it and back. */
export function startProcess(
  options: EngineOptions,
  { onReady, onResponse, onFailure, onExit }: HostEvents,
): EngineHost {
  const program = fileURLToPath(new URL('./engine-process.ts', import.meta.url));
  const child = fork(program, engineArguments(options), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  child.on('message', (message) =>
    message === engineReady ? onReady() : onResponse(message as EngineResponse),
  );
  child.on('error', (error) => {
    onFailure(error);
    // One that could not be started never exits.
    if (child.pid === undefined) onExit(error.message);
  });
  child.on('exit', (code, signal) => onExit(`the engine's process ended with ${signal ?? `code ${code}`}`));
  return {
    // One that has just ended takes no more requests; its exit fails them.
    post: (request) => child.connected && child.send(request, () => {}),
    hold(isHeld) {
      for (const handle of [child, child.channel]) isHeld ? handle?.ref() : handle?.unref();
    },
    kill: () => child.kill('SIGKILL'),
  };
}
