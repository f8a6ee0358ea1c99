import path from 'node:path';
import { encoderFlags, type encoderSettings, type Settings } from '../config.ts';
import type { EncoderOptions } from '../encoders/encoders.ts';
import { type EncoderPlaces, findEncoder } from '../encoders/places.ts';
import { itemAt } from '../indexing.ts';
import { byPretrained, pretrainedModalities } from '../modalities/registry.ts';

export type EncoderSettings = Settings<(typeof encoderSettings)[number]>;

/** Where the encoders of these settings are looked for. */
export function encoderPlaces({ models, data }: Pick<EncoderSettings, 'models' | 'data'>): EncoderPlaces {
  return { bundled: models, added: path.join(data, 'encoders') };
}

/**
 * What `loadEncoders` needs of the settings.
 * @throws TandemError `unknown-encoder` naming those that there are
 */
export async function encoderOptions(chosen: EncoderSettings): Promise<EncoderOptions> {
  const { provider, threads, engines } = chosen;
  const places = encoderPlaces(chosen);
  const folders = await Promise.all(
    pretrainedModalities.map(({ name }) => findEncoder(places, chosen[encoderFlags[name]], name)),
  );
  return { encoders: byPretrained((_, index) => itemAt(folders, index)), provider, threads, engines };
}

/** Where the features are kept that were computed once. */
export function featureCache({ data }: EncoderSettings): string {
  return path.join(data, 'features');
}
