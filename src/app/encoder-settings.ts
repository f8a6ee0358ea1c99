import path from 'node:path';
import { encoderFlags, type encoderSettings, type Settings } from '../config.ts';
import type { EncoderOptions } from '../encoders/encoders.ts';
import { byPretrained } from '../modalities/registry.ts';

export type EncoderSettings = Settings<(typeof encoderSettings)[number]>;

/** What `loadEncoders` needs of the settings. */
export function encoderOptions(chosen: EncoderSettings): EncoderOptions {
  const { models, provider, threads, engines } = chosen;
  const encoders = byPretrained(({ name }) => chosen[encoderFlags[name]]);
  return { models, encoders, provider, threads, engines };
}

/** Where the features are kept that were computed once. */
export function featureCache({ data }: EncoderSettings): string {
  return path.join(data, 'features');
}
