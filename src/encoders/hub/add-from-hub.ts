import path from 'node:path';
import { TandemError } from '../../errors.ts';
import { type AddOptions, addEncoder } from '../add.ts';
import { type EncoderPlaces, type FoundEncoder, listEncoders } from '../places.ts';
import { type FetchOptions, fetchModel } from './fetch-model.ts';
import type { Hub } from './hub.ts';
import { idOf, type ModelName } from './model-name.ts';

/** Characters of a commit that tell encoders of one model apart. */
const shownCharacters = 7;

/**
 * Downloads a model and adds it as an encoder. It is called as the model is; where another encoder has that name, such as one
 * of another commit, the commit's beginning is added to it.
 * @throws DownloadError; TandemError as `addEncoder`
 * @example await addFromHub(hub, { owner: 'Xenova', name: 'bge-small-en-v1.5' }, places, { threads: 2 });
 */
export async function addFromHub(
  hub: Hub,
  model: ModelName,
  places: EncoderPlaces,
  options: AddOptions & Pick<FetchOptions, 'signal' | 'onProgress'>,
): Promise<FoundEncoder> {
  const folder = await fetchModel(hub, model, options);
  const commit = path.basename(folder);
  const { encoders } = await listEncoders(places);
  const isTaken = encoders.some(
    ({ id, origin, modality }) =>
      id === model.name &&
      origin?.folder !== `${idOf(model)}@${commit}` &&
      modality === (options.modality ?? modality),
  );
  const title = isTaken ? `${model.name}-${commit.slice(0, shownCharacters)}` : model.name;
  try {
    return await addEncoder(folder, places, { ...options, title });
  } catch (error) {
    if (!(hub.isOffline && error instanceof TandemError && error.code === 'invalid-encoder')) throw error;
    const fix = `Files may be missing of what was downloaded: run it once without --offline on. ${error.fix}`;
    throw new TandemError(error.code, error.message, { items: error.items, fix, cause: error });
  }
}
