import { isFolder, separateNames } from '../encoder-list.ts';
import { byPretrained, type PretrainedName, pretrainedNames } from '../modalities/registry.ts';
import type { Encoders } from './encoders.ts';
import { parseModelName } from './hub/model-name.ts';
import { type Resolving, resolveEncoder } from './resolve.ts';
import { readSpecification } from './specification.ts';

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

/**
 * The same names, with the fingerprint in the place of each model of the hub and each folder, which are added where they are
 * not here yet.
 * @throws TandemError as `resolveEncoder`
 * @example await resolveNames({ textEncoder: 'Xenova/bge-small-en-v1.5' }, resolving) // { textEncoder: '9a0b…' }
 */
export async function resolveNames(names: EncoderNames, resolving: Resolving): Promise<EncoderNames> {
  const resolved: EncoderNames = {};
  for (const name of pretrainedNames) {
    const reference = names[`${name}Encoder`];
    if (reference === undefined) continue;
    const parts: string[] = [];
    for (const part of separateNames(reference)) {
      const isElsewhere = isFolder(part) || parseModelName(part) !== undefined;
      const folder = isElsewhere ? await resolveEncoder(part, name, resolving) : undefined;
      parts.push(folder === undefined ? part : (await readSpecification(folder)).fingerprint);
    }
    resolved[`${name}Encoder`] = parts.join('+');
  }
  return resolved;
}
