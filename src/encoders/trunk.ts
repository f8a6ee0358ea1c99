import { randomUUID } from 'node:crypto';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { blocksOf } from '../graph/import/blocks.ts';
import { cutModel } from '../graph/import/cut.ts';
import { readModel } from '../graph/import/read-model.ts';
import { TensorProto_DataType as DataType, type ModelProto } from '../graph/onnx/onnx_pb.js';
import { itemAt, required } from '../indexing.ts';
import type { PretrainedName } from '../modalities/registry.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { exists } from '../store/files/exists.ts';
import { cutForms } from './cut-form.ts';
import { ModelGraph } from './model/graph.ts';
import { hubOriginOf } from './origin.ts';
import {
  type EncoderManifest,
  encoderFile,
  readEncoderManifest,
  readSpecification,
} from './specification.ts';

/** Where an encoder is cut. */
export interface Cut {
  /** The encoder's folder. */
  folder: string;
  /** Blocks behind the cut; all of them by default. */
  blocks?: number;
  /** Of texts: tokens of the longest. */
  tokens?: number;
}

/** An encoder in two. */
export interface CutEncoder extends Cut {
  blocks: number;
  modality: PretrainedName;
  /** The part in front of the cut. */
  trunk: ModelProto;
  /** The part behind it: from `start`, and the mask where there is one, to the features. */
  tail: ModelProto;
  /** The value that is cut at: [rows, …]. */
  start: string;
}

/**
 * Cuts an encoder below its last blocks.
 * @throws TandemError `invalid-recipe` where it has not so many blocks, takes no mask of tokens, or cannot be cut there
 * @example const { tail } = await cutEncoder({ folder: 'models/all-MiniLM-L6-v2', blocks: 2, tokens: 64 });
 */
export async function cutEncoder(cut: Cut): Promise<CutEncoder> {
  const { id, modality, weights, trunkOf } = await readEncoderManifest(cut.folder);
  const refuse = (detail: string, fix: string) =>
    new TandemError('invalid-recipe', `tune: ${detail}`, { fix });
  if (trunkOf)
    throw refuse(
      `${id} is the lower part of an encoder, and has no features of its own`,
      `Tune the whole encoder: name it with --${modality}-encoder.`,
    );
  const model = await readModel(path.join(cut.folder, weights));
  const graph = required(model.graph, 'the graph of the encoder');
  const { input, mask } = cutForms[modality];
  if (mask !== undefined && !graph.input.some(({ name }) => name === mask))
    throw refuse(`${id} takes no attention mask`, 'Train on its features as they are: leave --tune out.');
  const blocks = blocksOf(graph, input);
  if (blocks.length === 0)
    throw refuse(`no blocks were found in ${id}`, 'Train on its features as they are: leave --tune out.');
  const { blocks: count = blocks.length } = cut;
  if (count > blocks.length)
    throw refuse(
      `${id} has ${blocks.length} blocks, not ${count}`,
      `Tune at most all of them: --tune ${modality}:last-${blocks.length}.`,
    );
  const { start } = itemAt(blocks, -count);
  try {
    return { ...cut, blocks: count, modality, start, ...cutModel(model, start, input) };
  } catch (error) {
    throw refuse(`${id} cannot be cut there: ${(error as Error).message}`, 'Tune fewer blocks, or none.');
  }
}

/**
 * Makes an encoder of the part in front of the cut, among those that were added, under its fingerprint: all heads that are
 * tuned from there on share it. Its features are the numbers at the cut in a row: of a text its tokens, each with a 1 behind it,
 * and zeros up to the greatest length.
 * @param dimension length of that row
 * @param added the folder of added encoders
 * @returns the trunk's folder; the one that is there where it was made before
 */
export async function keepTrunk(cut: CutEncoder, dimension: number, added: string): Promise<string> {
  const whole = await readEncoderManifest(cut.folder);
  const { files, weights, id, license, modality, preprocessing, fingerprint: ofWhole, origin } = whole;
  await mkdir(added, { recursive: true });
  const staging = path.join(added, `.cutting-${randomUUID()}`);
  try {
    const graphFile = path.join(staging, 'onnx', 'model.onnx');
    await mkdir(path.dirname(graphFile), { recursive: true });
    await writeFile(graphFile, withRows(cut, dimension), { flush: true });
    const kept: Record<string, string> = { 'onnx/model.onnx': await sha256OfFile(graphFile) };
    for (const [name, sha256] of Object.entries(files)) {
      if (name === weights || path.dirname(name) === path.dirname(weights)) continue;
      await cp(path.join(cut.folder, name), path.join(staging, name));
      kept[name] = sha256;
    }
    const manifest: EncoderManifest = {
      ...{
        id: [id, 'trunk', cut.blocks, ...(cut.tokens === undefined ? [] : [cut.tokens])].join('-'),
        modality,
        dimension,
        license,
      },
      ...{ weights: 'onnx/model.onnx', files: kept },
      preprocessing: { ...(preprocessing as object), ...(cut.tokens && { maximumTokens: cut.tokens }) },
      trunkOf: { id, fingerprint: ofWhole, blocks: cut.blocks, tokens: cut.tokens },
      model: origin && hubOriginOf(origin),
    };
    await writeFile(path.join(staging, encoderFile), `${JSON.stringify(manifest, null, 2)}\n`, {
      flush: true,
    });
    const { fingerprint } = await readSpecification(staging);
    const folder = path.join(added, fingerprint);
    if (!(await exists(folder))) await rename(staging, folder);
    return folder;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The trunk with what it gives in one row. */
function withRows({ trunk, start, tokens, modality }: CutEncoder, dimension: number): Uint8Array {
  const graph = new ModelGraph(trunk);
  const { mask } = cutForms[modality];
  const given = mask === undefined || tokens === undefined ? start : padded(graph, { start, mask, tokens });
  return graph.finish(graph.add('Reshape', [given, graph.integers([-1, dimension])]), dimension);
}

/** Tokens, up to the greatest length. Those that the mask hides are zeros: what they are depends on the batch. */
function padded(
  graph: ModelGraph,
  { start, mask, tokens }: { start: string; mask: string; tokens: number },
): string {
  const shown = graph.add('Unsqueeze', [
    graph.add('Cast', [mask], { to: DataType.FLOAT }),
    graph.integers([2]),
  ]);
  const joined = graph.add('Concat', [graph.add('Mul', [start, shown]), shown], { axis: 2 });
  const length = graph.add('Gather', [graph.add('Shape', [mask]), graph.integers([1])], { axis: 0 });
  const missing = graph.add('Sub', [graph.integers([tokens]), length]);
  const none = graph.integers([0]);
  const pads = graph.add('Concat', [none, none, none, none, missing, none], { axis: 0 });
  return graph.add('Pad', [joined, pads]);
}
