import type { Tensors } from './tensor.ts';

/** Where ONNX Runtime computes. */
export const providers = ['cpu', 'cuda'] as const;
export type Provider = (typeof providers)[number];

/** What an engine's thread, or process, is started with. */
export interface EngineOptions {
  provider: Provider;
  /** Threads inside one operator; 0 leaves the number to ONNX Runtime. */
  threads: number;
}

/** How a model is loaded. */
export interface LoadOptions {
  /** That the file must have, whenever it is loaded. */
  sha256?: string;
  /**
   * Keeps a session for each shape of the inputs. On CUDA a convolution plans anew whenever its shape differs from that of
   * the run before, about 15 ms each: an EfficientNet whose batches vary in size answers 30 times as slowly.
   */
  sessionPerShape?: boolean;
  /**
   * Whether the memory of a run's values is taken as one block, as the run before took it; true by default. Of a training
   * step with much to keep the block doubles what the first run took, and saves no time.
   */
  plansMemory?: boolean;
}

/** What the thread is asked. Every request gets one response, in order. */
export type EngineRequest =
  | ({ id: number; kind: 'load'; session: number; model: string | Uint8Array } & LoadOptions)
  | { id: number; kind: 'bind'; session: number; feeds: Tensors }
  | { id: number; kind: 'run'; session: number; feeds: Tensors; outputs?: readonly string[] }
  | { id: number; kind: 'release'; session: number }
  | { id: number; kind: 'memory' }
  | { id: number; kind: 'close' };

/** The first message of an engine's process. */
export const engineReady = 'ready';

export type EngineResponse =
  | { id: number; result?: Tensors }
  | { id: number; error: { name: string; message: string; stack?: string } };
