import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { env, listSupportedBackends } from 'onnxruntime-node';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { Engine } from './engine.ts';
import type { Provider } from './protocol.ts';

/** Of ONNX Runtime: another one may round otherwise. */
export const runtimeVersion = env.versions.node ?? env.versions.common;

export interface ProviderChoice {
  provider: Provider;
  /** Why this one, in words for the start-up message. */
  reason: string;
}

/**
 * Finds out which execution provider really works, by computing something on it. ONNX Runtime's own list can't be
 * trusted: it names CUDA wherever the binding was built with it, and then throws where CUDA's libraries are missing;
 * and a GPU that is too old for them throws only in a run.
 * @param requested `auto` takes CUDA where it works and the CPU elsewhere
 * @param compute loads and runs something on an engine with CUDA; throws where it can't
 * @throws TandemError `invalid-configuration` where `cuda` is requested and doesn't work
 * @example const { provider, reason } = await chooseProvider('auto', async (engine) => { … });
 */
export async function chooseProvider(
  requested: Provider | 'auto',
  compute: (engine: Engine) => Promise<unknown>,
): Promise<ProviderChoice> {
  if (requested === 'cpu') return { provider: 'cpu', reason: 'asked for' };
  if (!listSupportedBackends().some(({ name }) => name === 'cuda')) {
    const reason = 'this build of ONNX Runtime has no CUDA provider';
    if (requested === 'cuda') throw refusal(reason);
    return { provider: 'cpu', reason };
  }
  const engine = Engine.start({ provider: 'cuda', threads: 1 });
  try {
    await compute(engine);
    return { provider: 'cuda', reason: requested === 'cuda' ? 'asked for' : 'a CUDA device was found' };
  } catch (error) {
    const reason = describeCudaFailure((error as Error).message);
    if (requested === 'cuda') throw refusal(reason, error);
    return { provider: 'cpu', reason };
  } finally {
    await engine.close();
  }
}

function refusal(reason: string, cause?: unknown): TandemError {
  return new TandemError('invalid-configuration', `--provider cuda: ${reason}`, { cause });
}

const { platform, arch } = process;
const providerLibrary = path.join(
  path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')),
  `bin/napi-v6/${platform}/${arch}/libonnxruntime_providers_cuda.so`,
);

/**
 * Why CUDA does not work, from what ONNX Runtime throws. Of a provider that doesn't load it says no more than that,
 * so the system's loader is asked what is missing.
 * @param library file of the provider
 * @example describeCudaFailure(message) // 'CUDA does not work: CUDA failure 100: no CUDA-capable device is detected'
 */
export function describeCudaFailure(message: string, library = providerLibrary): string {
  if (!/Failed to load shared library/.test(message)) {
    const failure = /CU[A-Z]+ failure \d+: [^;\n]+/.exec(message)?.[0] ?? firstLine(message);
    return `CUDA does not work: ${failure.trim()}`;
  }
  if (!existsSync(library)) return 'CUDA is not installed here (onnxruntime-node fetches it on request)';
  const reason = `CUDA does not load: ${loadingError(library)}`;
  // The driver's own library comes from the machine, never from an image.
  return reason.includes('libcuda.so') ? `${reason} (a container sees the driver with --gpus all)` : reason;
}

function firstLine(text: string): string {
  return itemAt(text.split('\n'), 0);
}

function loadingError(library: string): string {
  try {
    process.dlopen({ exports: {} }, library);
    return 'its library loads by itself, but not into ONNX Runtime';
  } catch (error) {
    return firstLine((error as Error).message);
  }
}
