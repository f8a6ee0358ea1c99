import { isFolder } from '../encoder-list.ts';
import { TandemError } from '../errors.ts';
import type { PretrainedName } from '../modalities/registry.ts';
import type { DownloadProgress } from './hub/fetch-model.ts';
import type { Hub } from './hub/hub.ts';
import { idOf, isCommit, type ModelName, parseModelName } from './hub/model-name.ts';
import { type EncoderPlaces, type FoundEncoder, findEncoder, listEncoders } from './places.ts';

/** What naming an encoder may need: where encoders are kept, and where models come from. */
export interface Resolving {
  places: EncoderPlaces;
  hub: Hub;
  /** Threads of a proof. */
  threads: number;
  onProgress?(progress: DownloadProgress): void;
}

/**
 * The folder of the encoder that a setting names. Beside what `findEncoder` finds: a model of the hub by its name, and a
 * model's own folder. Either is added when it is first named, and found again from then on; a commit needs no network then.
 * @throws TandemError as `findEncoder`, `addFromHub` and `addEncoder`
 * @example await resolveEncoder('Xenova/bge-small-en-v1.5', 'text', { places, hub, threads: 2 });
 */
export async function resolveEncoder(
  reference: string,
  modality: PretrainedName,
  resolving: Resolving,
): Promise<string> {
  const model = parseModelName(reference);
  const found = model
    ? await ofHub(model, modality, resolving)
    : isFolder(reference)
      ? await ofFolder(reference, modality, resolving)
      : undefined;
  return found?.folder ?? findEncoder(resolving.places, reference, modality);
}

async function ofHub(
  model: ModelName,
  modality: PretrainedName,
  resolving: Resolving,
): Promise<FoundEncoder> {
  const { places, hub, threads, onProgress } = resolving;
  const { revision } = model;
  // Without a revision it is the one that is there; a branch stands for what it stands for now.
  const named = revision === undefined || isCommit(revision) ? model : await pinned(hub, model);
  const source = `${idOf(named)}@${named.revision ?? ''}`;
  const added = await latest(places, modality, (origin) => origin.folder.startsWith(source));
  if (added) return added;
  const { addFromHub } = await import('./hub/add-from-hub.ts');
  return addFromHub(hub, named, places, { modality, threads, onProgress }).catch(
    sayHow(`${idOf(named)}${named.revision ? `@${named.revision}` : ''}`, modality),
  );
}

async function pinned(hub: Hub, model: ModelName): Promise<ModelName> {
  const { commitOf } = await import('./hub/fetch-model.ts');
  return { ...model, revision: await commitOf(hub, model) };
}

/** A model's folder; undefined where it is an encoder's own, or neither. */
async function ofFolder(
  folder: string,
  modality: PretrainedName,
  { places, threads }: Resolving,
): Promise<FoundEncoder | undefined> {
  const { addEncoder, isModelFolder, sourceOf } = await import('./add.ts');
  if (!(await isModelFolder(folder))) return undefined;
  const digest = await sourceOf(folder, { modality });
  const added = await latest(places, modality, (origin) => origin.digest === digest);
  return added ?? addEncoder(folder, places, { modality, threads }).catch(sayHow(folder, modality));
}

/** Of the encoders that were added, the last one of an origin. */
async function latest(
  places: EncoderPlaces,
  modality: PretrainedName,
  isWanted: (origin: NonNullable<FoundEncoder['origin']>) => boolean,
): Promise<FoundEncoder | undefined> {
  const { encoders } = await listEncoders(places);
  return encoders
    .filter((one) => one.modality === modality && one.origin && isWanted(one.origin))
    .sort((a, b) => (a.origin?.addedAt ?? '').localeCompare(b.origin?.addedAt ?? ''))
    .at(-1);
}

/** Options that say what a model's files leave open. */
const addOptions = /--(?:pooling|dtype|modality|allow-batch-dependence)\b/;

/** What a model's files leave open can be said to `encoders add` alone. */
function sayHow(reference: string, modality: PretrainedName): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof TandemError && error.code === 'invalid-encoder' && addOptions.test(error.fix)))
      throw error;
    const fix = `${error.fix} That is an option of: encoders add ${reference} --modality ${modality}`;
    throw new TandemError(error.code, error.message, { items: error.items, fix, cause: error });
  };
}
