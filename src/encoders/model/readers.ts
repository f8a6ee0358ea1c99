import type { PretrainedName } from '../../modalities/registry.ts';
import { imageReader } from './image.ts';
import type { ModelReader } from './reader.ts';
import { textReader } from './text.ts';

/** What reads the models of each modality. */
export const modelReaders: Readonly<Record<PretrainedName, ModelReader>> = {
  image: imageReader,
  text: textReader,
};
