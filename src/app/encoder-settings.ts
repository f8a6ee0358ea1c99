import { homedir } from 'node:os';
import path from 'node:path';
import { encoderFlags, type encoderSettings, type Settings } from '../config.ts';
import type { EncoderOptions } from '../encoders/encoders.ts';
import type { DownloadProgress } from '../encoders/hub/fetch-model.ts';
import type { Hub } from '../encoders/hub/hub.ts';
import type { EncoderFolders, EncoderPlaces } from '../encoders/places.ts';
import { type Resolving, resolveEncoder } from '../encoders/resolve.ts';
import { oneOrMore, required } from '../indexing.ts';
import { byPretrained, type PretrainedName, pretrainedModalities } from '../modalities/registry.ts';

export type EncoderSettings = Settings<(typeof encoderSettings)[number]>;

/** Where the encoders of these settings are looked for. */
export function encoderPlaces({ models, data }: Pick<EncoderSettings, 'models' | 'data'>): EncoderPlaces {
  return { bundled: models, added: path.join(data, 'encoders') };
}

/** The hub that models come from. Python's caches are where its own variables say. */
export function hubOf(chosen: Pick<EncoderSettings, 'hub' | 'hub-token' | 'offline' | 'data'>): Hub {
  const { HF_HUB_CACHE: cache, HF_HOME: home = path.join(homedir(), '.cache', 'huggingface') } = process.env;
  return {
    ...(chosen.hub !== 'auto' && { address: chosen.hub }),
    ...(chosen['hub-token'] !== '' && { token: chosen['hub-token'] }),
    isOffline: chosen.offline === 'on',
    cache: path.join(chosen.data, 'hub'),
    otherCaches: [cache || path.join(home, 'hub')],
  };
}

/** @param onProgress told of each file that is downloaded */
export function resolvingOf(
  chosen: EncoderSettings,
  onProgress?: (progress: DownloadProgress) => void,
): Resolving {
  return { places: encoderPlaces(chosen), hub: hubOf(chosen), threads: chosen.threads, onProgress };
}

/**
 * What `loadEncoders` needs of the settings. A model of the hub, or a model's folder, is added where it was not yet.
 * @param onDownload told of each file that is downloaded for that
 * @throws TandemError `unknown-encoder` naming those that there are; as `resolveEncoder`
 */
export async function encoderOptions(
  chosen: EncoderSettings,
  onDownload?: (progress: DownloadProgress) => void,
): Promise<EncoderOptions> {
  const { provider, threads, engines } = chosen;
  const resolving = resolvingOf(chosen, onDownload);
  const folders: Partial<Record<PretrainedName, EncoderFolders>> = {};
  // One after the other: a proof takes every thread.
  for (const { name } of pretrainedModalities) {
    const found: string[] = [];
    for (const encoder of chosen[encoderFlags[name]])
      found.push(await resolveEncoder(encoder, name, resolving));
    folders[name] = oneOrMore(found);
  }
  const encoders = byPretrained(({ name }) => required(folders[name], `the encoders of ${name}`));
  return { encoders, places: resolving.places, provider, threads, engines, memory: chosen['encoder-memory'] };
}

/** Where the features are kept that were computed once. */
export function featureCache({ data }: EncoderSettings): string {
  return path.join(data, 'features');
}
