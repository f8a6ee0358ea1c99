import { joinFeatures } from '../encoders/join-features.ts';
import { TandemError } from '../errors.ts';
import type { Input, OpenCompanion } from '../modalities/modality.ts';
import { type PretrainedName, pretrainedModalities } from '../modalities/registry.ts';
import { sha256OfBytes } from '../store/files/checksum.ts';
import { inTurn } from '../time-slice.ts';
import type { HeadManifest } from './manifest.ts';
import type { HeadFolder } from './registry/head-reading.ts';
import { verifiedFile } from './registry/verified-file.ts';

/** What makes the features that a head takes beside those of encoders, by modality. */
export type Companions = Partial<Record<PretrainedName, OpenCompanion<Input>>>;

/** The file of a head that holds what makes the features beside those of a modality's encoder. */
export const companionFile = (modality: PretrainedName) => `${modality}.companion.bin`;

/** Those that a head may have. */
export const companionFiles: readonly string[] = pretrainedModalities.flatMap(({ name, companion }) =>
  companion ? [companionFile(name)] : [],
);

/**
 * Opens the companions that a head names.
 * @throws TandemError `damaged-artifact` where a file is not the one that head.json names, or holds something else
 * @example const companions = await openCompanions(version, manifest); // { text: { dimension: 256, encode } }
 */
export async function openCompanions(
  version: HeadFolder,
  { encoders }: Pick<HeadManifest, 'encoders'>,
): Promise<Companions> {
  const companions: Companions = {};
  for (const { name, companion } of pretrainedModalities) {
    const named = encoders.find(({ modality }) => modality === name)?.companion;
    if (!named) continue;
    const file = companionFile(name);
    const refuse = (detail: string, cause?: unknown) =>
      new TandemError('damaged-artifact', `${file} cannot be used: ${detail}`, { cause });
    const bytes = await verifiedFile(version, file);
    if (companion?.id !== named.id) throw refuse(`nothing here makes ${JSON.stringify(named.id)} features`);
    if ((await sha256OfBytes(bytes)) !== named.fingerprint)
      throw refuse('it does not have the sha256 that head.json names');
    try {
      const opened = companion.open(bytes);
      if (opened.dimension !== named.dimension)
        throw new Error(`it makes ${opened.dimension} features, not ${named.dimension}`);
      companions[name] = opened;
    } catch (error) {
      throw refuse((error as Error).message, error);
    }
  }
  return companions;
}

/**
 * An encoder's features of an item, with those that the head takes beside them. Many long texts share the main thread with
 * everything else that is due.
 * @example await withCompanion(head.companions, 'text', 'a red bike', features) // 384 + 256 numbers
 */
export async function withCompanion(
  companions: Companions | undefined,
  modality: PretrainedName,
  input: Input,
  features: Float32Array,
): Promise<Float32Array> {
  const companion = companions?.[modality];
  return companion ? inTurn(() => joinFeatures([features, companion.encode(input)])) : features;
}
