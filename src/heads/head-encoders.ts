import type { Encoders } from '../encoders/encoders.ts';
import { isFitted, type PretrainedName } from '../modalities/registry.ts';
import { checkEncoders } from './head.ts';
import type { HeadManifest } from './manifest.ts';

/**
 * The encoders whose features a head takes, in the place of those that the settings name.
 * @throws TandemError `head-conflict` where one of them is not here
 * @example const table = await extractFeatures(await encodersOfHead(encoders, head.manifest), dataset);
 */
export async function encodersOfHead(encoders: Encoders, manifest: HeadManifest): Promise<Encoders> {
  await checkEncoders(manifest, encoders);
  const byModality: Record<PretrainedName, Encoders['byModality'][PretrainedName]> = {
    ...encoders.byModality,
  };
  for (const { modality, fingerprint } of manifest.encoders) {
    if (isFitted(modality)) continue;
    byModality[modality] = (await encoders.find(fingerprint)) ?? byModality[modality];
  }
  return { ...encoders, byModality };
}
