import { type PretrainedName, pretrainedNames } from '../../modalities/registry.ts';
import type { ModelReader, ModelSettings } from './reader.ts';
import { modelReaders } from './readers.ts';
import { undecided } from './unusable.ts';
import { chooseWeights, hasWeights, type ModelFiles, type WeightsFile } from './weights.ts';

/** What reads a model of a modality. */
export type NamedReader = ModelReader & { modality: PretrainedName };

/**
 * Chooses the ONNX file of a model by the names of its files, and what may read it.
 * @throws TandemError `invalid-encoder` where there is none, or the choice is open
 * @example chooseModel(model, { modality: 'text' }).weights.name // 'onnx/model.onnx'
 */
export function chooseModel(
  model: ModelFiles,
  { modality, dtype }: Pick<ModelSettings, 'modality' | 'dtype'>,
): { weights: WeightsFile; readers: NamedReader[] } {
  const readers = pretrainedNames
    .filter((name) => modality === undefined || modality === name)
    .map((name) => ({ ...modelReaders[name], modality: name }));
  const [side, otherSide] = readers.filter(({ bases: [own] }) => hasWeights(model, own));
  if (side && otherSide)
    throw undecided('modality', side.modality, 'the model has an ONNX file for images and one for texts');
  const weights = chooseWeights(model, [...new Set(readers.flatMap(({ bases }) => bases))], dtype);
  return { weights, readers };
}
