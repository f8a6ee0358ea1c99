import { byPretrained, type PretrainedName, pretrainedNames } from '../modalities/registry.ts';
import type { Encoders } from './encoders.ts';

/**
 * The encoder of each modality that a training names: its id, or the beginning of its fingerprint; of several, as `a+b`, features
 * are concatenated.
 */
export type EncoderNames = { [Name in PretrainedName as `${Name}Encoder`]?: string };

/**
 * The same names, by modality.
 * @example namesByModality({ textEncoder: 'mpnet' }) // { text: 'mpnet' }
 */
export function namesByModality(names: EncoderNames): Partial<Record<PretrainedName, string>> {
  return byPretrained(({ name }) => names[`${name}Encoder`]);
}

/**
 * The encoders that are named, in the place of those of the settings.
 * @throws TandemError `unknown-encoder`
 * @example await chooseEncoders(encoders, { textEncoder: 'mpnet' });
 */
export async function chooseEncoders(encoders: Encoders, names: EncoderNames): Promise<Encoders> {
  const named = namesByModality(names);
  const byModality = { ...encoders.byModality };
  for (const name of pretrainedNames) {
    const reference = named[name];
    if (reference !== undefined) byModality[name] = await encoders.named(reference, name);
  }
  return { ...encoders, byModality };
}
