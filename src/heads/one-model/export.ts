import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import type { Installation } from '../../encoders/places.ts';
import { TandemError } from '../../errors.ts';
import { plainModel } from '../../graph/import/plain.ts';
import { ModelProtoSchema, TensorProtoSchema } from '../../graph/onnx/onnx_pb.js';
import { elementTypeCodes } from '../../graph/value.ts';
import { valueFor } from '../../indexing.ts';
import { Engine } from '../../runtime/engine.ts';
import type { Tensor, Tensors } from '../../runtime/tensor.ts';
import { companionFile } from '../companions.ts';
import { type EncoderLookup, parseHeadManifest } from '../head.ts';
import { type HeadManifest, headFiles } from '../manifest.ts';
import type { HeadVersion } from '../registry/head-reading.ts';
import { verifiedFile } from '../registry/verified-file.ts';
import { type Golden, largestDifference, makeGolden } from './golden.ts';
import { joinHead, type LinkedEncoder, type OneModel } from './one-model.ts';
import { readmeOf } from './readme.ts';

/** Answers of the one model that differ by more from the head's are not let out. */
const tolerance = 1e-5;
/** What a protocol buffer may have. */
const largestFile = 2 ** 31 - 1;
/** Parts of the exported folder. */
const files = {
  model: 'model.onnx',
  config: 'config.json',
  prepare: 'prepare.py',
  readme: 'README.md',
} as const;
/** Where onnx's own backend tests keep what a model takes and gives. */
const goldenFolder = 'test_data_set_0';

export interface OneModelSummary {
  name: string;
  version: number;
  folder: string;
  /** Bytes of model.onnx. */
  bytes: number;
  inputs: string[];
  outputs: string[];
  /** Of the answers to a few items, from those of the head as it is served. */
  largestDifference: number;
}

export interface OneModelOptions {
  installed: Installation;
  lookup: EncoderLookup;
  /** Threads that compute. */
  threads: number;
  /** Of ONNX's own operators alone, without those of ONNX Runtime. */
  isPlain?: boolean;
}

/**
 * Writes a head and its encoders as one ONNX model, with what makes its inputs and an example of what it takes and gives.
 * The model is run before it is kept: its answers are those of the head.
 * @param folder is made; files in it are overwritten
 * @throws TandemError `head-conflict` where an encoder is not here; `invalid-head` that says what cannot be one model
 * @example await writeOneModel(version, 'pets-onnx', { installed, lookup: installed, threads: 2 });
 */
export async function writeOneModel(
  head: HeadVersion,
  folder: string,
  { installed, lookup, threads, isPlain = false }: OneModelOptions,
): Promise<OneModelSummary> {
  const manifest = parseHeadManifest(head.manifest, `${head.name}@${head.version}`);
  const { model, ...one } = await joinedOf(head, manifest, { installed, isPlain });
  const bytes = toBinary(ModelProtoSchema, model);
  if (bytes.length > largestFile)
    throw unfit(head, 'it is larger than 2 GiB, which is the most of an ONNX file');
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, files.model);
  await writeFile(file, bytes);
  const difference = await proveModel(head, folder, { one, lookup, threads });
  await copyPreparation(head, folder, one);
  const described = describe(manifest, one);
  await writeFile(path.join(folder, files.config), `${JSON.stringify(described, null, 2)}\n`);
  await copyFile(new URL(files.prepare, import.meta.url), path.join(folder, files.prepare));
  await writeFile(path.join(folder, files.readme), readmeOf(manifest, one));
  const inputs = (model.graph?.input ?? []).map(({ name }) => name);
  return {
    ...{ name: head.name, version: head.version, folder, bytes: bytes.length },
    ...{ inputs, outputs: [...one.outputs], largestDifference: difference },
  };
}

async function joinedOf(
  head: HeadVersion,
  manifest: HeadManifest,
  { installed, isPlain }: Pick<OneModelOptions, 'installed' | 'isPlain'>,
): Promise<OneModel> {
  try {
    const joined = await joinHead(
      manifest,
      await verifiedFile(head, headFiles.weights),
      async (fingerprint) => {
        const found = await installed.find(fingerprint);
        if (!found)
          throw new TandemError('head-conflict', `the encoder ${fingerprint.slice(0, 12)} is not here`);
        return found;
      },
    );
    return isPlain ? { ...joined, model: plainModel(joined.model) } : joined;
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw unfit(head, (error as Error).message, error);
  }
}

function unfit({ name, version }: HeadVersion, why: string, cause?: unknown): TandemError {
  return new TandemError('invalid-head', `${name}@${version} cannot be one ONNX model: ${why}`, {
    fix: `Serve it with Tandem, or keep it as \`heads export ${name}@${version}\` writes it.`,
    cause,
  });
}

/** Runs the model beside the head, keeps what it took and gave, and tells how far the answers are apart. */
async function proveModel(
  head: HeadVersion,
  folder: string,
  { one, lookup, threads }: { one: Omit<OneModel, 'model'>; lookup: EncoderLookup; threads: number },
): Promise<number> {
  const engine = Engine.start({ provider: 'cpu', threads });
  try {
    const { inputs, answers }: Golden = await makeGolden(engine, head, { one, lookup });
    const session = await engine.load(path.join(folder, files.model));
    // A run takes its feeds away.
    const outputs = await session.run(structuredClone(inputs));
    const difference = largestDifference(outputs, answers);
    if (difference > tolerance)
      throw unfit(head, `its answers would differ by ${difference.toExponential(1)}`);
    await writeTensors(path.join(folder, goldenFolder), { inputs, outputs, names: one.outputs });
    return difference;
  } finally {
    await engine.close();
  }
}

/** Writes tensors as onnx's backend tests have them: `input_0.pb`, …, `output_0.pb`, …, each with its name. */
async function writeTensors(
  folder: string,
  { inputs, outputs, names }: { inputs: Tensors; outputs: Tensors; names: readonly string[] },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = async (kind: string, tensors: readonly (readonly [string, Tensor])[]) => {
    for (const [index, [name, { type, dims, data }]] of tensors.entries()) {
      const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const tensor = { name, dataType: elementTypeCodes[type], dims: dims.map(BigInt), rawData };
      const bytes = toBinary(TensorProtoSchema, create(TensorProtoSchema, tensor));
      await writeFile(path.join(folder, `${kind}_${index}.pb`), bytes);
    }
  };
  await write('input', Object.entries(inputs));
  await write(
    'output',
    names.map((name) => [name, valueFor(new Map(Object.entries(outputs)), name)] as const),
  );
}

/** A folder of the export for what an encoder's inputs are made with. */
const folderOf = ({ modality, encoder }: LinkedEncoder) =>
  path.posix.join(modality, encoder.fingerprint.slice(0, 12));

/** Copies what inputs are made with: tokenizers, and what makes features of characters. */
async function copyPreparation(
  head: HeadVersion,
  folder: string,
  { encoders, companions }: Omit<OneModel, 'model'>,
): Promise<void> {
  for (const linked of encoders) {
    const { encoder } = linked;
    for (const name of Object.keys(encoder.files).filter((file) => file.endsWith('.json'))) {
      const target = path.join(folder, folderOf(linked), path.posix.basename(name));
      await mkdir(path.dirname(target), { recursive: true });
      await copyFile(path.join(encoder.folder, name), target);
    }
  }
  for (const modality of companions.keys())
    await writeFile(
      path.join(folder, companionFile(modality)),
      await verifiedFile(head, companionFile(modality)),
    );
}

/** config.json: what `prepare.py`, or another program, needs to know. */
function describe(manifest: HeadManifest, one: Omit<OneModel, 'model'>) {
  const { name, version, target, labels, thresholds, acceptance } = manifest;
  const licences = new Map(
    manifest.encoders
      .flatMap(({ id, license, parts }) => [...(parts ?? []), { id, license }])
      .map(({ id, license }) => [id, license]),
  );
  return {
    ...{ name, version, target, labels, thresholds, acceptance },
    outputs: one.outputs,
    encoders: one.encoders.map((linked) => ({
      ...{ id: linked.encoder.id, license: licences.get(linked.encoder.id), modality: linked.modality },
      ...{ inputs: linked.inputs, preprocessing: linked.encoder.preprocessing, folder: folderOf(linked) },
    })),
    companions: Object.fromEntries(
      [...one.companions].map(([modality, input]) => [modality, { input, file: companionFile(modality) }]),
    ),
    presence: Object.fromEntries(one.presence),
  };
}
