import type { PretrainedName } from '../../modalities/registry.ts';
import type { ModelGraph } from './graph.ts';
import type { ModelFolder } from './model-folder.ts';
import type { Pooling } from './pooling.ts';
import type { Dtype } from './weights.ts';

/** What a person may say of a model; what is omitted is read from its files. */
export interface ModelSettings {
  /** Of a model that has both. */
  modality?: PretrainedName;
  /** Which of its ONNX files. */
  dtype?: Dtype;
  pooling?: Pooling;
  /** Whether features are scaled to length 1. */
  normalize?: boolean;
  /** What is put before every text. */
  prefix?: string;
  /** The most tokens of a text. */
  maxTokens?: number;
  license?: string;
}

/** A setting as people are shown it. */
export type SettingValue = string | number | boolean;

/** A model made an encoder. */
export interface ReadModel {
  /** ONNX that takes what the modality prepares, and gives `features`. */
  graph: Uint8Array;
  dimension: number;
  preprocessing: Readonly<Record<string, unknown>>;
  /** Whether the features are those that a pair of encoders compares, where the model is a side of one. */
  isProjected: boolean;
  /** What the encoder's folder needs besides. */
  files: Readonly<Record<string, string>>;
  /** What was read or given, for people. */
  settings: Readonly<Record<string, SettingValue>>;
}

/** Reads models of a modality. */
export interface ModelReader {
  /** What the ONNX file may be called, without its end: as one side of a pair is, then as others are. */
  readonly bases: readonly [string, ...string[]];
  /** The input that tells it from models of other modalities. */
  readonly input: string;
  /** @throws TandemError `invalid-encoder` naming what is missing, unsupported, or to be said */
  read(model: ModelFolder, graph: ModelGraph, settings: ModelSettings): Promise<ReadModel>;
}
