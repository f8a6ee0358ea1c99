import type { Dataset } from '../datasets/example.ts';
import { modalitiesIn } from '../datasets/with-modality.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { type EncoderChoice, installedEncoders } from '../encoders/places.ts';
import { joinReferences } from '../encoders/reference.ts';
import { TandemError } from '../errors.ts';
import { required } from '../indexing.ts';
import type { ModalityName, PretrainedName } from '../modalities/registry.ts';
import { isAutomatic, type TuningRequest, tuningCandidates } from './choices.ts';
import type { TuningBatches } from './loop/tuning-batches.ts';
import type { TuningChoice } from './open-trunks.ts';

/**
 * What is to be tuned, with the folders of the encoders that it is cut off.
 * @param place where encoders are
 * @param modality the only one that the head takes; all that the examples have where undefined
 * @returns undefined where nothing is
 * @throws TandemError `invalid-recipe` for options of a tuning without one, and where a modality has several encoders
 */
export async function tuningChoice(
  { tune, batchSize, accumulate, memory }: TuningRequest,
  encoders: Encoders,
  { place, dataset, modality }: { place: EncoderChoice; dataset: Dataset; modality?: ModalityName },
): Promise<(TuningChoice & TuningBatches) | undefined> {
  const batches = { batchSize, accumulate, memory };
  if (tune === undefined) {
    const given = Object.entries(batches).find(([, value]) => value !== undefined);
    if (!given) return undefined;
    throw new TandemError('invalid-recipe', `${given[0]}: only a tuning takes it`, {
      fix: 'Say what is to be tuned (tune), or leave it out.',
    });
  }
  const known = modality ? [modality] : modalitiesIn(dataset);
  const installed = installedEncoders(place);
  const folderOf = async (modality: PretrainedName) => {
    const [{ fingerprint }, ...others] = encoders.byModality[modality];
    if (others.length > 0)
      throw new TandemError(
        'invalid-recipe',
        `tune: the blocks of one ${modality} encoder can be tuned, not of ${joinReferences(encoders.byModality[modality]).id}`,
        { fix: `Name one ${modality} encoder, or tune none of them.` },
      );
    const { folder } = required(await installed.find(fingerprint), `the folder of the ${modality} encoder`);
    return folder;
  };
  const candidates = await Promise.all(
    tuningCandidates(tune, known).map((parts) =>
      Promise.all(parts.map(async (part) => ({ ...part, encoder: await folderOf(part.modality) }))),
    ),
  );
  const { added } = required(place.places, 'the folder of added encoders');
  return { candidates, isAutomatic: isAutomatic(tune), added, ...batches };
}
