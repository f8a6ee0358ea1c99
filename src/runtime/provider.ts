import { env, listSupportedBackends } from 'onnxruntime-node';
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
 * Finds out which execution provider really works, by loading a model on it. ONNX Runtime's own list can't be
 * trusted: it names CUDA wherever the binding was built with it, and then throws where CUDA's libraries are missing.
 * @param requested `auto` takes CUDA where it works and the CPU elsewhere
 * @param model path of any .onnx file, the smaller the better
 * @throws Error where `cuda` is requested and doesn't work
 * @example const { provider } = await chooseProvider('auto', 'models/efficientnet-lite0/onnx/model.onnx');
 */
export async function chooseProvider(requested: Provider | 'auto', model: string): Promise<ProviderChoice> {
  if (requested === 'cpu') return { provider: 'cpu', reason: 'asked for' };
  if (!listSupportedBackends().some(({ name }) => name === 'cuda')) {
    if (requested === 'cuda') throw new Error('this build of ONNX Runtime has no CUDA provider');
    return { provider: 'cpu', reason: 'this build of ONNX Runtime has no CUDA provider' };
  }
  const engine = Engine.start({ provider: 'cuda', threads: 1 });
  try {
    await engine.load(model);
    return { provider: 'cuda', reason: requested === 'cuda' ? 'asked for' : 'a CUDA device was found' };
  } catch (error) {
    const reason = describe(error as Error);
    if (requested === 'cuda') throw new Error(`CUDA was asked for, but ${reason}`, { cause: error });
    return { provider: 'cpu', reason };
  } finally {
    await engine.close();
  }
}

function describe({ message }: Error): string {
  if (/Failed to load shared library/.test(message)) return 'CUDA is not installed here';
  return `CUDA does not work: ${message.split('\n')[0]}`;
}
