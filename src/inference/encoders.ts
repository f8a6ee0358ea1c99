import path from 'node:path';
import { Engine } from '../runtime/engine.ts';
import type { Provider } from '../runtime/protocol.ts';
import { chooseProvider, type ProviderChoice } from '../runtime/provider.ts';
import { type ImageEncoder, loadImageEncoder, loadTextEncoder, type TextEncoder } from './encoder.ts';
import type { Modality } from './prediction.ts';

export interface Encoders {
  image: ImageEncoder;
  text: TextEncoder;
  provider: ProviderChoice;
  fingerprints: Record<Modality, string>;
  close(): Promise<void>;
}

export interface EncoderOptions {
  /** Folder that holds the encoders' folders. */
  models: string;
  image: string;
  text: string;
  provider: Provider | 'auto';
  /** Threads of each encoder. */
  threads: number;
}

/**
 * Loads the image and the text encoder, each in a thread of its own, so that one works while the other does.
 * @throws TandemError `damaged-artifact`; Error where the requested provider doesn't work
 */
export async function loadEncoders({
  models,
  image,
  text,
  provider,
  threads,
}: EncoderOptions): Promise<Encoders> {
  const choice = await chooseProvider(provider, path.join(models, image, 'onnx', 'model.onnx'));
  const engines = [0, 1].map(() => Engine.start({ provider: choice.provider, threads }));
  const close = async () => {
    await Promise.all(engines.map((engine) => engine.close()));
  };
  try {
    const [imageEncoder, textEncoder] = await Promise.all([
      loadImageEncoder(engines[0], path.join(models, image)),
      loadTextEncoder(engines[1], path.join(models, text)),
    ]);
    const fingerprints = { image: imageEncoder.fingerprint, text: textEncoder.fingerprint };
    return { image: imageEncoder, text: textEncoder, provider: choice, fingerprints, close };
  } catch (error) {
    await close();
    throw error;
  }
}
