import type { Failure } from '../../failure.ts';
import type { AddOptions } from '../add.ts';
import type { EncoderPlaces, FoundEncoder } from '../places.ts';
import type { DownloadProgress } from './fetch-model.ts';
import type { Hub } from './hub.ts';
import type { ModelName } from './model-name.ts';

/** What a process that adds an encoder is told. */
export interface AdditionOrder {
  hub: Hub;
  model: ModelName;
  places: EncoderPlaces;
  options: AddOptions;
}

/** What it tells. */
export type AdditionMessage =
  | { kind: 'progress'; progress: DownloadProgress }
  | { kind: 'added'; encoder: FoundEncoder }
  | { kind: 'failed'; failure: Failure };
