import type { Encoders } from '../encoders/encoders.ts';
import type { PooledEncoders } from '../encoders/pooled-encoder.ts';
import { joinReferences } from '../encoders/reference.ts';
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
  for (const encoder of manifest.encoders) {
    const { modality } = encoder;
    if (isFitted(modality)) continue;
    byModality[modality] = (await encoders.of(encoder)) ?? byModality[modality];
  }
  return { ...encoders, byModality };
}

/**
 * The encoders of a modality as a head keeps them.
 * @example describeEncoders(encoders.byModality.text) // { modality: 'text', id: 'all-MiniLM-L6-v2', dimension: 384, … }
 */
export function describeEncoders(encoders: PooledEncoders): HeadManifest['encoders'][number] {
  const [{ modality, trunkOf, license, origin }, ...others] = encoders;
  const dimension = encoders.reduce((sum, one) => sum + one.dimension, 0);
  const { id, fingerprint } = joinReferences(encoders);
  const described = { modality, id, dimension, fingerprint };
  if (others.length === 0) return { ...described, license, origin, trunkOf };
  return {
    ...described,
    parts: encoders.map(({ id, dimension, fingerprint, license, origin }) => ({
      ...{ id, dimension, fingerprint, license, origin },
    })),
  };
}
