import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import sharp from 'sharp';
import { afterAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { type AddOptions, addEncoder } from '../../../src/encoders/add.ts';
import { loadEncoder } from '../../../src/encoders/encoder.ts';
import { TensorProto_DataType as DataType, ModelProtoSchema } from '../../../src/graph/onnx/onnx_pb.js';
import { Engine } from '../../../src/runtime/engine.ts';
import { node } from '../../sum-encoder.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'added-images-'));
  onTestFinished(() => rm(folder, { recursive: true }));
});

/** A convolutional network's last places, which are its normalised pixels: the features are each channel's mean. */
function identityGraph(output = 'last_hidden_state'): Uint8Array {
  const value = (name: string) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: DataType.FLOAT,
          shape: {
            dim: [
              { value: { case: 'dimParam', value: 'rows' } as const },
              { value: { case: 'dimValue', value: 3n } as const },
              { value: { case: 'dimParam', value: 'height' } as const },
              { value: { case: 'dimParam', value: 'width' } as const },
            ],
          },
        },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ version: 11n }],
    graph: {
      name: 'identity',
      node: [node('Identity', ['pixel_values'], output)],
      input: [value('pixel_values')],
      output: [value(output)],
    },
  });
  return toBinary(ModelProtoSchema, model);
}

async function add(processor: unknown, output?: string, options: Partial<AddOptions> = {}) {
  const model = path.join(folder, 'net');
  await mkdir(path.join(model, 'onnx'), { recursive: true });
  await writeFile(path.join(model, 'onnx', 'model.onnx'), identityGraph(output));
  await writeFile(path.join(model, 'config.json'), JSON.stringify({ model_type: 'net' }));
  if (processor) await writeFile(path.join(model, 'preprocessor_config.json'), JSON.stringify(processor));
  const places = { bundled: path.join(folder, 'none'), added: path.join(folder, 'encoders') };
  return addEncoder(model, places, { threads: 1, ...options });
}

const grey = { image_mean: [0.5, 0.4, 0.3], image_std: [0.5, 0.25, 0.2] };
const square = { height: 64, width: 64 };

it.each([
  [
    'CLIP',
    { image_processor_type: 'CLIPImageProcessorFast', size: { shortest_edge: 72 }, crop_size: square },
    { shortSide: 72, crop: 64, kernel: 'cubic', roundsDown: true },
  ],
  [
    'an older CLIP',
    { feature_extractor_type: 'CLIPFeatureExtractor', size: 64, crop_size: 64 },
    { shortSide: 64, crop: 64, kernel: 'cubic', roundsDown: true },
  ],
  [
    'SigLIP',
    { image_processor_type: 'SiglipImageProcessor', size: square },
    { shortSide: 64, crop: 64, kernel: 'cubic', fit: 'squash' },
  ],
  [
    'ViT',
    { image_processor_type: 'ViTImageProcessor', size: square, resample: 2 },
    { shortSide: 64, crop: 64, kernel: 'linear', fit: 'squash' },
  ],
  [
    'DINOv2',
    {
      image_processor_type: 'BitImageProcessor',
      size: { shortest_edge: 72 },
      crop_size: square,
      resample: 3,
    },
    { shortSide: 72, crop: 64, kernel: 'cubic', roundsDown: true },
  ],
  [
    'DINOv3',
    { image_processor_type: 'DINOv3ViTImageProcessorFast', size: square },
    { shortSide: 64, crop: 64, kernel: 'linear', fit: 'squash' },
  ],
  [
    'ConvNeXt',
    {
      image_processor_type: 'ConvNextImageProcessor',
      size: { shortest_edge: 64 },
      crop_pct: 0.875,
      resample: 3,
    },
    { shortSide: 73, crop: 64, kernel: 'cubic', roundsDown: true },
  ],
  [
    'MobileNet',
    { image_processor_type: 'MobileNetV2ImageProcessor', size: { shortest_edge: 72 }, crop_size: square },
    { shortSide: 72, crop: 64, kernel: 'linear', roundsDown: true },
  ],
])(
  'reads the image processor of %s, and normalises in front of the graph',
  async (_, processor, expected) => {
    const encoder = await add({ ...processor, ...grey });
    expect(encoder).toMatchObject({ modality: 'image', dimension: 3 });
    expect(encoder.preprocessing).toEqual({ ...expected, background: '#ffffff' });
    const loaded = await loadEncoder(engine, 'image', encoder.folder);
    const image = await sharp({ create: { width: 90, height: 70, channels: 3, background: '#336699' } })
      .png()
      .toBuffer();
    const [row] = await loaded.encode([await loaded.prepare(image)]);
    const channels = [0x33, 0x66, 0x99].map(
      (value, index) => (value / 255 - grey.image_mean[index]) / grey.image_std[index],
    );
    for (const [index, value] of channels.entries()) expect(row[index]).toBeCloseTo(value, 4);
  },
);

it.each([false, true])(
  'takes a model whose own output is called features (normalize: %s)',
  async (normalize) => {
    const processor = { image_processor_type: 'ViTImageProcessor', size: square, ...grey };
    const encoder = await add(processor, 'features', { normalize });
    const loaded = await loadEncoder(engine, 'image', encoder.folder);
    const [row] = await loaded.encode([new Uint8Array(64 * 64 * 3).fill(255)]);
    const channels = grey.image_mean.map((mean, index) => (1 - mean) / grey.image_std[index]);
    const length = normalize ? Math.hypot(...channels) : 1;
    for (const [index, value] of channels.entries()) expect(row[index]).toBeCloseTo(value / length, 4);
  },
);

it('applies the deviation twice where EfficientNet was trained so', async () => {
  const encoder = await add({ image_processor_type: 'EfficientNetImageProcessor', size: square, ...grey });
  const loaded = await loadEncoder(engine, 'image', encoder.folder);
  const [row] = await loaded.encode([new Uint8Array(64 * 64 * 3).fill(255)]);
  const channels = grey.image_mean.map((mean, index) => (1 - mean) / grey.image_std[index] ** 2);
  for (const [index, value] of channels.entries()) expect(row[index]).toBeCloseTo(value, 4);
});

it.each([
  [undefined, 'no preprocessor_config.json'],
  [{ image_processor_type: 'LayoutImageProcessor' }, '"LayoutImageProcessor"; known are'],
  [{ image_processor_type: 'ViTImageProcessor', size: square, resample: 5 }, 'the kernel 5'],
  [{ image_processor_type: 'ViTImageProcessor', size: { height: 64, width: 32 } }, '64 by 32 pixels'],
])('rejects what it cannot prepare as Python does', async (processor, message) => {
  await expect(add(processor)).rejects.toMatchObject({
    code: 'invalid-encoder',
    message: expect.stringContaining(message),
  });
});
