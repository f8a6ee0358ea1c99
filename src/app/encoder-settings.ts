import path from 'node:path';
import type { encoderSettings, Settings } from '../config.ts';
import type { EncoderOptions } from '../encoders/encoders.ts';

export type EncoderSettings = Settings<(typeof encoderSettings)[number]>;

/** What `loadEncoders` needs of the settings. */
export function encoderOptions(chosen: EncoderSettings): EncoderOptions {
  const { models, provider, threads, engines } = chosen;
  return { models, provider, threads, engines, image: chosen['image-encoder'], text: chosen['text-encoder'] };
}

/** Where the features are kept that were computed once. */
export function featureCache({ data }: EncoderSettings): string {
  return path.join(data, 'features');
}
