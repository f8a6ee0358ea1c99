import { z } from 'zod';
import type { ImagePreprocessing } from '../../modalities/image/preprocessing.ts';
import type { ModelFolder } from './model-folder.ts';
import { unusable } from './unusable.ts';

const side = z.int().positive();
const sizeSchema = z.union([
  side,
  z.looseObject({ shortest_edge: side.optional(), height: side.optional(), width: side.optional() }),
]);

/** `preprocessor_config.json`, as all image processors of transformers write it. */
const processorSchema = z.looseObject({
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
  do_resize: z.boolean().default(true),
  size: sizeSchema.optional(),
  /** Pillow's number of a kernel. */
  resample: z.int().optional(),
  do_center_crop: z.boolean().optional(),
  crop_size: sizeSchema.optional(),
  crop_pct: z.number().positive().optional(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z.number().default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: z.union([z.number(), z.array(z.number())]).optional(),
  image_std: z.union([z.number(), z.array(z.number())]).optional(),
  include_top: z.boolean().default(true),
});
type ProcessorConfig = z.infer<typeof processorSchema>;

/** Where the pixels come from that a model takes: how an image is resized and cut. */
type Geometry = Pick<ImagePreprocessing, 'shortSide' | 'crop' | 'fit' | 'roundsDown'>;

/** What a class of image processors does, where its configuration leaves it out or means something else. */
interface ProcessorKind {
  /** Pillow's number of the kernel. */
  resample: number;
  crops: boolean;
  size: number;
  mean: readonly number[];
  std: readonly number[];
  geometry?(config: ProcessorConfig, size: number): Geometry;
  /** The factor that the standard deviation has beside the configured one. */
  deviation?(config: ProcessorConfig, std: readonly number[]): readonly number[];
}

const half = [0.5, 0.5, 0.5];
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const openAi = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };
const squashing = { resample: 2, crops: false, size: 224 };

/** By the class's name without `Fast`; values are the defaults of transformers 5. */
const kinds: Readonly<Record<string, ProcessorKind>> = {
  CLIPImageProcessor: { resample: 3, crops: true, size: 224, ...openAi },
  CLIPFeatureExtractor: { resample: 3, crops: true, size: 224, ...openAi },
  SiglipImageProcessor: { ...squashing, resample: 3, mean: half, std: half },
  ViTImageProcessor: { ...squashing, mean: half, std: half },
  ViTFeatureExtractor: { ...squashing, mean: half, std: half },
  DeiTImageProcessor: { resample: 3, crops: true, size: 256, ...imageNet },
  BitImageProcessor: { resample: 3, crops: true, size: 224, ...openAi },
  DINOv3ViTImageProcessor: { ...squashing, ...imageNet },
  ConvNextImageProcessor: { resample: 2, crops: false, size: 384, ...imageNet, geometry: cropBelow384 },
  ConvNextFeatureExtractor: { resample: 2, crops: false, size: 384, ...imageNet, geometry: cropBelow384 },
  EfficientNetImageProcessor: {
    ...{ resample: 0, crops: false, size: 346, ...imageNet },
    // The published weights were trained with the deviation applied twice.
    deviation: ({ include_top: isTop }, std) => (isTop ? std.map((value) => value * value) : std),
  },
  MobileNetV1ImageProcessor: { resample: 2, crops: true, size: 256, mean: half, std: half },
  MobileNetV2ImageProcessor: { resample: 2, crops: true, size: 256, mean: half, std: half },
};

/** ConvNeXt enlarges the side that a small crop is cut from, and squashes what is 384 or more. */
function cropBelow384({ crop_pct: share = 224 / 256 }: ProcessorConfig, size: number): Geometry {
  return size < 384
    ? { shortSide: Math.floor(size / share), crop: size, roundsDown: true }
    : { shortSide: size, crop: size, fit: 'squash' };
}

/** Pillow's kernels by number, as libvips calls them. */
const kernels: readonly (ImagePreprocessing['kernel'] | undefined)[] = [
  'nearest',
  'lanczos3',
  'linear',
  'cubic',
];

/** What an image becomes before the graph, and what the graph does with its bytes: `value · scale + offset`, by channel. */
export interface DescribedProcessor {
  name: string;
  preprocessing: ImagePreprocessing;
  scale: readonly number[];
  offset: readonly number[];
}

/**
 * Reads preprocessor_config.json.
 * @throws TandemError `invalid-encoder` where it is missing, or its class, kernel or sizes are unsupported
 */
export async function readProcessor(model: ModelFolder): Promise<DescribedProcessor> {
  const config = await model.json('preprocessor_config.json', processorSchema);
  if (!config) throw unusable(`${model.path} has no preprocessor_config.json`);
  const name = (config.image_processor_type ?? config.feature_extractor_type ?? '').replace(/Fast$/, '');
  const kind = kinds[name];
  if (!kind)
    throw unusable(
      `preprocessor_config.json names the image processor ${JSON.stringify(name)}; known are ${Object.keys(kinds).join(', ')}`,
    );
  if (!config.do_resize) throw unusable('images that are not resized are unsupported');
  const kernel = kernels[config.resample ?? kind.resample];
  if (!kernel)
    throw unusable(`preprocessor_config.json asks for the kernel ${config.resample}, which is unsupported`);
  const factor = config.do_rescale ? config.rescale_factor : 1;
  const channels = (value: number | number[] | undefined, byDefault: readonly number[]) =>
    typeof value === 'number' ? [value, value, value] : (value ?? byDefault);
  const mean = config.do_normalize ? channels(config.image_mean, kind.mean) : [0, 0, 0];
  const given = config.do_normalize ? channels(config.image_std, kind.std) : [1, 1, 1];
  const std = kind.deviation?.(config, given) ?? given;
  return {
    name,
    preprocessing: { ...geometryOf(config, kind), kernel, background: '#ffffff' },
    scale: std.map((value) => factor / value),
    offset: std.map((value, channel) => -(mean[channel] ?? 0) / value),
  };
}

function geometryOf(config: ProcessorConfig, kind: ProcessorKind): Geometry {
  const size = sidesOf(config.size, kind.size);
  if (kind.geometry) return kind.geometry(config, size.length);
  const crops = config.do_center_crop ?? kind.crops;
  const crop = crops ? sidesOf(config.crop_size, 224).length : size.length;
  if (crop > size.length)
    throw unusable(`images are resized to ${size.length} pixels and cut to ${crop}, which is unsupported`);
  if (!size.isExact) return { shortSide: size.length, crop, roundsDown: true };
  return { shortSide: size.length, crop, fit: 'squash' };
}

function sidesOf(size: ProcessorConfig['size'], byDefault: number): { length: number; isExact: boolean } {
  if (size === undefined) return { length: byDefault, isExact: false };
  if (typeof size === 'number') return { length: size, isExact: false };
  const { shortest_edge: short, height, width } = size;
  if (short !== undefined) return { length: short, isExact: false };
  if (height === undefined || height !== width)
    throw unusable(`images of ${height} by ${width} pixels are unsupported; an encoder takes squares`);
  return { length: height, isExact: true };
}
