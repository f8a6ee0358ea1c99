import { TensorProto_DataType as DataType } from '../../graph/onnx/onnx_pb.js';
import type { GraphValue, ModelGraph } from './graph.ts';
import { readProcessor } from './image-processor.ts';
import type { ModelReader } from './reader.ts';
import { unusable } from './unusable.ts';

/** Outputs that are an image's features already, the first that is there. */
const pooledOutputs = ['image_embeds', 'image_embeddings'];

/** Architectures whose pooler gives the features; of others the class token, or the mean of a convolution's places, does. */
const trainedPoolers = [
  'siglip',
  'siglip_vision_model',
  'siglip2',
  'siglip2_vision_model',
  'clip',
  'clip_vision_model',
];
const poolersOfPlaces = [
  'convnext',
  'convnextv2',
  'efficientnet',
  'mobilenet_v1',
  'mobilenet_v2',
  'resnet',
  'regnet',
];

/** Reads image models: ViT, DINO, CLIP, SigLIP and convolutional networks. */
export const imageReader: ModelReader = {
  bases: ['vision_model', 'model'],
  input: 'pixel_values',
  async read(model, graph, { normalize = false }) {
    const { name, preprocessing, scale, offset } = await readProcessor(model);
    takePixels(graph, preprocessing.crop, scale, offset);
    const type = model.config.model_type ?? '';
    const output = chooseOutput(graph, type);
    const pooled = pool(graph, output);
    const features = normalize ? graph.add('LpNormalization', [pooled], { axis: -1, p: 2 }) : pooled;
    const dimension = output.dims.length === 4 ? output.dims[1] : output.dims.at(-1);
    const known = dimension ?? sizeOf(model.config);
    const { shortSide, crop, kernel, fit = 'cover' } = preprocessing;
    return {
      graph: graph.finish(features, known),
      dimension: known,
      preprocessing,
      isProjected: pooledOutputs.includes(output.name) || isSiglipPooler(type, output.name),
      files: {},
      settings: { processor: name, output: output.name, fit, shortSide, crop, kernel, normalize },
    };
  },
};

/** SigLIP compares what its poolers give, without a projection. */
function isSiglipPooler(type: string, output: string): boolean {
  return type.startsWith('siglip') && output === 'pooler_output';
}

/** Takes bytes, [rows, side, side, 3], in place of normalised channels. */
function takePixels(
  graph: ModelGraph,
  side: number,
  scale: readonly number[],
  offset: readonly number[],
): void {
  const own = graph.input('pixel_values');
  const others = graph.inputs.filter(({ name }) => name !== 'pixel_values');
  if (!own || others.length > 0)
    throw unusable(
      `the ONNX file takes ${others.map(({ name }) => name).join(', ')}; of an image encoder pixel_values alone is known`,
    );
  const [, , height = side, width = side] = own.dims;
  if (height !== side || width !== side)
    throw unusable(
      `the ONNX file takes images of ${height} by ${width} pixels; preprocessor_config.json makes ${side} by ${side}`,
    );
  const pixels = graph.take('pixels', DataType.UINT8, [undefined, side, side, 3]);
  const floats = graph.addInFront('Cast', [pixels], { to: DataType.FLOAT });
  const channels = graph.addInFront('Transpose', [floats], { perm: [0, 3, 1, 2] });
  const scaled = graph.addInFront('Mul', [channels, graph.floats(scale, [1, 3, 1, 1])]);
  const shifted = graph.addInFront('Add', [scaled, graph.floats(offset, [1, 3, 1, 1])]);
  graph.addInFront('Cast', [shifted], { to: own.type }, 'pixel_values');
}

function chooseOutput(graph: ModelGraph, type: string): GraphValue {
  const isPooled = [...trainedPoolers, ...poolersOfPlaces].includes(type);
  const names = [
    ...pooledOutputs,
    ...(isPooled ? ['pooler_output'] : []),
    'last_hidden_state',
    'pooler_output',
    'features',
  ];
  const output = names.map((name) => graph.output(name)).find(Boolean);
  if (output) return output;
  throw unusable(
    `the ONNX file gives ${graph.outputs.map(({ name }) => name).join(', ')}; of an image encoder one of ${[...new Set(names)].join(', ')} is expected`,
    'Export the model for feature extraction: optimum-cli export onnx --task feature-extraction.',
  );
}

/** One row of features: the first token of a transformer, the mean of a convolution's places, or what is pooled already. */
function pool(graph: ModelGraph, output: GraphValue): string {
  const floats = graph.asFloats(output);
  switch (output.dims.length) {
    case 2:
      return floats;
    case 3:
      return graph.add('Gather', [floats, graph.integers([0], [])], { axis: 1 });
    case 4:
      return graph.add('Flatten', [graph.add('GlobalAveragePool', [floats])], { axis: 1 });
    default:
      throw unusable(`the output ${output.name} has ${output.dims.length} axes; 2, 3 or 4 are expected`);
  }
}

function sizeOf(config: Record<string, unknown>): number {
  const size = [config.projection_dim, config.hidden_size].find((value) => typeof value === 'number');
  if (size === undefined)
    throw unusable('neither config.json nor the ONNX file says how many features there are');
  return size;
}
