import type { Tensors } from './tensor.ts';

/** Where ONNX Runtime computes. */
export type Provider = 'cpu' | 'cuda';

/** What an engine's thread, or process, is started with. */
export interface EngineOptions {
  provider: Provider;
  /** Threads inside one operator; 0 leaves the number to ONNX Runtime. */
  threads: number;
}

/** What the thread is asked. Every request gets one response, in order. */
export type EngineRequest =
  | { id: number; kind: 'load'; session: number; model: string | Uint8Array; sha256?: string }
  | { id: number; kind: 'bind'; session: number; feeds: Tensors }
  | { id: number; kind: 'run'; session: number; feeds: Tensors; outputs?: readonly string[] }
  | { id: number; kind: 'release'; session: number }
  | { id: number; kind: 'close' };

/** The first message of an engine's process. */
export const engineReady = 'ready';

export type EngineResponse =
  | { id: number; result?: Tensors }
  | { id: number; error: { name: string; message: string; stack?: string } };
