import type { PretrainedName } from '../../modalities/registry.ts';
import type { ModelReader } from './reader.ts';
import { textReader } from './text.ts';

/** What reads the models of each modality. */
export const modelReaders: Readonly<Partial<Record<PretrainedName, ModelReader>>> = { text: textReader };
