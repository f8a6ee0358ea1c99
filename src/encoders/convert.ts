import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withoutInputs } from '../graph/import/without-inputs.ts';
import type { ModelProto } from '../graph/onnx/onnx_pb.js';
import { sha256OfFile } from '../store/files/checksum.ts';
import { writeDurably } from '../store/files/durable.ts';
import { licenseOf } from './model/card.ts';
import { chooseModel, type NamedReader } from './model/choose.ts';
import { ModelGraph } from './model/graph.ts';
import type { ModelFolder } from './model/model-folder.ts';
import { readPairSide } from './model/pair-side.ts';
import type { ModelSettings, SettingValue } from './model/reader.ts';
import { modelReaders } from './model/readers.ts';
import { undecided, unusable } from './model/unusable.ts';
import { readModel } from './model/weights.ts';
import { type EncoderManifest, encoderFile } from './specification.ts';

/** Where the graph lies in an encoder's folder. */
const graphFile = 'onnx/model.onnx';

/** Files that are copied as they are where they are there: for people. */
const papers = ['README.md', 'LICENSE', 'LICENSE.txt', 'LICENSE.md', 'NOTICE'];

/** What an encoder was made of. */
interface Conversion {
  manifest: EncoderManifest;
  /** The ONNX file of the model. */
  weights: string;
  /** How its files were read, for people. */
  settings: Record<string, SettingValue>;
}

/**
 * Writes an encoder's folder of a model's: its graph in the shape that encoders have, and what it needs beside it. Nothing of
 * it is run.
 * @throws TandemError `invalid-encoder`
 */
export async function writeEncoder(
  model: ModelFolder,
  folder: string,
  { id, ...options }: ModelSettings & { id: string },
): Promise<Conversion> {
  const { reader, weights, graph } = await openModel(model, options);
  const external = graph.externalFiles.map((name) => model.named(weights.name, name));
  const read = await reader.read(model, graph, options);
  const files: Record<string, string> = {};
  const keep = async (name: string, write: (file: string) => Promise<unknown>) => {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await write(file);
    files[name] = await sha256OfFile(file);
  };
  await keep(graphFile, (file) => writeFile(file, read.graph));
  for (const { name, file: from } of external) {
    const beside = path.posix.relative(path.posix.dirname(weights.name), name);
    await keep(path.posix.join(path.posix.dirname(graphFile), beside), (file) => copyFile(from, file));
  }
  for (const [name, text] of Object.entries(read.files)) await keep(name, (file) => writeFile(file, text));
  for (const name of papers.filter((name) => model.has(name)))
    await copyFile(path.join(model.path, name), path.join(folder, name));
  const pair = read.isProjected ? await readPairSide(model) : undefined;
  const manifest: EncoderManifest = {
    ...{ id, modality: reader.modality, dimension: read.dimension, weights: graphFile },
    ...{ preprocessing: read.preprocessing, files, license: options.license ?? (await licenseOf(model)) },
    pair,
  };
  await writeManifest(folder, manifest);
  const { dtype } = weights;
  const { model_type: architecture } = model.config;
  const settings = {
    ...{ ...(architecture && { architecture }), ...(dtype && { dtype }), ...read.settings },
    ...(pair?.logitScale !== undefined && { 'logit scale': pair.logitScale }),
    ...(pair?.logitBias !== undefined && { 'logit bias': pair.logitBias }),
  };
  return { manifest, weights: weights.name, settings };
}

/** Writes `encoder.json`. */
export async function writeManifest(folder: string, manifest: EncoderManifest): Promise<void> {
  await writeDurably(path.join(folder, encoderFile), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}

async function openModel(model: ModelFolder, options: ModelSettings) {
  const { weights, readers } = chooseModel(model, options);
  const read = await readModel(model, weights);
  const graph = new ModelGraph(read);
  const suitable = readers.filter(({ input }) => graph.input(input));
  const [reader, other] = suitable;
  if (!reader)
    throw unusable(
      `${weights.name} takes ${graph.inputs.map(({ name }) => name).join(', ') || 'nothing'}; an encoder takes ${readers.map(({ input }) => input).join(' or ')}`,
    );
  if (other) throw undecided('modality', reader.modality, `${weights.name} encodes both images and texts`);
  return { reader, weights, graph: sideOf(read, graph, { reader, file: weights.name }) };
}

/** Of a pair in one ONNX file, as JinaCLIP has it, the side of a modality. */
function sideOf(
  model: ModelProto,
  graph: ModelGraph,
  { reader, file }: { reader: NamedReader; file: string },
): ModelGraph {
  const others = Object.values(modelReaders).flatMap(({ input }) => (input === reader.input ? [] : input));
  const foreign = others.filter((input) => graph.input(input));
  if (foreign.length === 0) return graph;
  const side = new ModelGraph(withoutInputs(model, foreign));
  if (side.outputs.length > 0 && side.input(reader.input)) return side;
  throw unusable(
    `${file} encodes both images and texts, and each of its outputs (${graph.outputs.map(({ name }) => name).join(', ')}) rests on ${foreign.join(' and ')}`,
    'Export each side into a file of its own: onnx/vision_model.onnx and onnx/text_model.onnx.',
  );
}
