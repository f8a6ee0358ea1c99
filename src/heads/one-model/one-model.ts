import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { companionInput, fusedOutput, unimodalOutput } from '../../arl/ports.ts';
import type { InstalledEncoder } from '../../encoders/places.ts';
import { encodersIn } from '../../encoders/reference.ts';
import { emitFunction } from '../../graph/emit.ts';
import { type LinkedPart, linkModels } from '../../graph/import/link.ts';
import { fedInputs } from '../../graph/import/model-parts.ts';
import { readModel } from '../../graph/import/read-model.ts';
import { type ModelProto, ModelProtoSchema } from '../../graph/onnx/onnx_pb.js';
import { concat } from '../../graph/operations/layout.ts';
import { dynamic, input } from '../../graph/value.ts';
import { isFitted, type PretrainedName } from '../../modalities/registry.ts';
import type { HeadManifest } from '../manifest.ts';
import { answersAlone, answersOutput, emitAnswers, presenceInput } from './answers.ts';

/** An encoder inside the model, and what its inputs are called outside. */
export interface LinkedEncoder {
  encoder: InstalledEncoder;
  modality: PretrainedName;
  /** By the encoder's own names, such as `pixels`. */
  inputs: Readonly<Record<string, string>>;
}

/** A head and the encoders that it takes features of, as one model. */
export interface OneModel {
  model: ModelProto;
  encoders: readonly LinkedEncoder[];
  /** Inputs of features that stand beside an encoder's, by modality. */
  companions: ReadonlyMap<PretrainedName, string>;
  /** Inputs that say which items have a modality, by modality; none where the head has one. */
  presence: ReadonlyMap<PretrainedName, string>;
  outputs: readonly string[];
}

/**
 * Joins a head with its encoders: from pixels and token ids to answers, together and of each modality alone.
 * @param weights the bytes of head.onnx
 * @param find the encoder with a fingerprint, which is here
 * @throws Error that says what of them cannot be joined
 * @example const { model } = await joinHead(manifest, await readFile('pets/3/head.onnx'), find);
 */
export async function joinHead(
  { encoders: taken, target, labels }: Pick<HeadManifest, 'encoders' | 'target' | 'labels'>,
  weights: Uint8Array,
  find: (fingerprint: string) => Promise<InstalledEncoder>,
): Promise<OneModel> {
  const parts: LinkedPart[] = [];
  const encoders: LinkedEncoder[] = [];
  const companions = new Map<PretrainedName, string>();
  const presence = new Map<PretrainedName, string>();
  const names = new Set<string>();
  for (const reference of taken) {
    const { modality, companion } = reference;
    if (isFitted(modality))
      throw new Error(`its features of a ${modality} are made of columns, which is not done in ONNX`);
    const features: string[] = [];
    for (const { fingerprint } of encodersIn(reference)) {
      const encoder = await find(fingerprint);
      const prefix = `${modality}.${features.length + 1}`;
      const model = await readModel(path.join(encoder.folder, encoder.weights));
      const inputs = namesOutside(model, names);
      parts.push({ prefix, model, names: { ...inputs, features: prefix } });
      encoders.push({ encoder, modality, inputs });
      features.push(prefix);
    }
    parts.push(joined(modality, features, encoders.slice(-features.length)));
    if (companion) companions.set(modality, `${modality}_${companion.id}`);
    if (taken.length > 1) presence.set(modality, presenceInput(modality));
  }
  const modalities = taken.map(({ modality }) => modality);
  const ports = [fusedOutput, ...modalities.map(unimodalOutput)];
  const connected = Object.fromEntries([...modalities.map(featuresOf), ...ports.map((port) => [port, port])]);
  const beside = Object.fromEntries(
    [...companions].map(([modality, name]) => [companionInput(modality), name]),
  );
  const outputs = [answersOutput, ...modalities.map(answersAlone)];
  const own = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));
  parts.push(
    {
      prefix: 'head',
      model: fromBinary(ModelProtoSchema, weights),
      names: { ...connected, ...beside },
    },
    {
      prefix: 'answers',
      model: fromBinary(ModelProtoSchema, emitAnswers(modalities, { target, labels: labels.length })),
      names: own([...ports, ...presence.values(), ...outputs]),
    },
  );
  return { model: linkModels(parts, outputs), encoders, companions, presence, outputs };
}

const featuresOf = (modality: string) => [modality, `${modality}.features`] as const;

/** What a model's inputs are called outside: as they are, or numbered where another encoder has the name. */
function namesOutside({ graph }: ModelProto, taken: Set<string>): Record<string, string> {
  const inputs = graph ? fedInputs(graph) : [];
  return Object.fromEntries(
    inputs.map(({ name }) => {
      let outside = name;
      for (let number = 2; taken.has(outside); number++) outside = `${name}_${number}`;
      taken.add(outside);
      return [name, outside];
    }),
  );
}

/** The features of a modality's encoders, one behind the other. */
function joined(
  modality: string,
  features: readonly string[],
  encoders: readonly LinkedEncoder[],
): LinkedPart {
  const values = features.map((name, index) =>
    input(name, [dynamic, encoders[index]?.encoder.dimension ?? dynamic]),
  );
  const [, name] = featuresOf(modality);
  return {
    prefix: `${modality}.joined`,
    model: fromBinary(ModelProtoSchema, emitFunction(values, { [name]: concat(values, 1) })),
    names: Object.fromEntries([...features, name].map((each) => [each, each])),
  };
}
