import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from '../../graph/onnx/onnx_pb.js';
import type { ModelFolder } from './model-folder.ts';
import { undecided, unusable } from './unusable.ts';

/** How weights are stored, and what the hub's ONNX files are called then. */
const suffixes = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
} as const;
export type Dtype = keyof typeof suffixes;
export const dtypes = Object.keys(suffixes) as Dtype[];

/** Full precision is what heads are trained on best, and half of it is hardly different. */
const preferred: readonly Dtype[] = ['fp32', 'fp16'];

/** The files of a model, by name alone. */
export interface ModelFiles {
  /** The folder or the hub's id of it. */
  readonly path: string;
  readonly names: readonly string[];
  has(name: string): boolean;
  /** The folder that an export of it goes to. */
  readonly exportTo: string;
}

/** An ONNX file of a model. */
export interface WeightsFile {
  /** Inside the model's folder. */
  name: string;
  /** Undefined where its name doesn't say. */
  dtype?: Dtype;
}

/**
 * Chooses the ONNX file of a model: full precision where it is there, else half, unless another is asked for.
 * @param bases what the file may be called, without its end, the first that is there
 * @throws TandemError `invalid-encoder` where there is none, saying how to make it, or where several leave the choice open
 * @example chooseWeights(model, ['model'], 'fp16') // { name: 'onnx/model_fp16.onnx', dtype: 'fp16' }
 */
export function chooseWeights(model: ModelFiles, bases: readonly string[], dtype?: Dtype): WeightsFile {
  const found = bases.map((base) => filesOf(model, base)).find((files) => files.length > 0) as
    | WeightsFile[]
    | undefined;
  if (!found) return onlyFile(model);
  const wanted = dtype === undefined ? preferred : [dtype];
  for (const each of wanted) {
    const file = found.find((one) => one.dtype === each);
    if (file) return file;
  }
  const there = found.map(({ name, dtype: own }) => `${own} (${name})`).join(', ');
  if (dtype !== undefined)
    throw unusable(`there is no ${dtype} file; there are: ${there}`, 'Name one of them with --dtype.');
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  throw undecided(
    'dtype',
    found[0]?.dtype ?? 'fp16',
    `the model has neither fp32 nor fp16; there are: ${there}`,
  );
}

/** Whether the model has an ONNX file of this name, without its end, in any type. @example hasWeights(model, 'vision_model') */
export function hasWeights(model: ModelFiles, base: string): boolean {
  return filesOf(model, base).length > 0;
}

/**
 * The ONNX files of a model that differ from one in their type alone, itself included.
 * @example weightsBeside(model, 'onnx/model_fp16.onnx') // [{ name: 'onnx/model.onnx', dtype: 'fp32' }, { name: 'onnx/model_fp16.onnx', … }]
 */
export function weightsBeside(model: ModelFiles, name: string): WeightsFile[] {
  const whole = path.posix.basename(name, '.onnx');
  const suffix = Object.values(suffixes).find((suffix) => suffix !== '' && whole.endsWith(suffix)) ?? '';
  return filesOf(model, whole.slice(0, whole.length - suffix.length));
}

function filesOf(model: ModelFiles, base: string): WeightsFile[] {
  return dtypes.flatMap((dtype) =>
    ['onnx/', '']
      .map((folder) => `${folder}${base}${suffixes[dtype]}.onnx`)
      .filter((name) => model.has(name))
      .slice(0, 1)
      .map((name) => ({ name, dtype })),
  );
}

function onlyFile(model: ModelFiles): WeightsFile {
  const all = model.names.filter((name) => name.endsWith('.onnx'));
  const [only, ...others] = all;
  if (only && others.length === 0) return { name: only };
  if (only)
    throw unusable(
      `none of its ONNX files has a name of the hub: ${all.join(', ')}`,
      'Rename the one to take to onnx/model.onnx.',
    );
  const weights = model.names.filter((name) => /\.(safetensors|bin|pt|pth|ckpt|h5|msgpack)$/.test(name));
  const isPickle = weights.some((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  throw unusable(
    `${model.path} has no ONNX file${weights.length > 0 ? `, only ${weights.join(', ')}` : ''}${isPickle ? '; a pickle can run code, and is never read' : ''}`,
    `Export it once, with Python: pip install "optimum-onnx[onnxruntime]" && optimum-cli export onnx --task feature-extraction --model ${model.path} ${model.exportTo}`,
  );
}

/**
 * Reads an ONNX file.
 * @throws TandemError `invalid-encoder` where it is none, or half of one
 */
export async function readModel(model: ModelFolder, { name }: WeightsFile): Promise<ModelProto> {
  const bytes = await readFile(path.join(model.path, name)).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ERR_FS_FILE_TOO_LARGE'
      ? unusable(
          `${name} is larger than 2 GiB`,
          'Export it with its weights in a file beside it (external data).',
          cause,
        )
      : unusable(`${name} cannot be read: ${cause.message}`, undefined, cause);
  });
  const again = 'Get the file again, whole; where Git LFS has it: git lfs pull.';
  if (bytes.subarray(0, 7).toString('latin1') === 'version')
    throw unusable(`${name} is not the file itself, but Git LFS’s pointer to it`, again);
  try {
    const read = fromBinary(ModelProtoSchema, bytes);
    if (read.graph && read.graph.node.length > 0) return read;
  } catch (cause) {
    throw unusable(`${name} is not a whole ONNX file: ${(cause as Error).message}`, again, cause);
  }
  throw unusable(`${name} is not an ONNX file: it has no graph`, again);
}
