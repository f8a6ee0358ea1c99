import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePixels } from '../../../../src/modalities/image/pixels.ts';

const fixture = (name: string) =>
  path.join(fileURLToPath(new URL('../../../fixtures/encoders/', import.meta.url)), name);
const preprocessing = { shortSide: 256, crop: 224, kernel: 'cubic', background: '#ffffff' } as const;

/** Mean difference of two lists of bytes. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length;
}

describe('an image with a side shorter than the encoder wants', () => {
  it('is enlarged as Pillow does, to a tenth of a step of brightness', async () => {
    const pillow = await sharp(fixture('rocket-small.pixels.png')).raw().toBuffer();
    // The JPEG decoders differ by half a step already.
    expect(difference(await decodePixels(fixture('rocket-small.jpg'), preprocessing), pillow)).toBeLessThan(
      0.6,
    );
  });

  it.each([
    [2, 2],
    [2, 900],
    [255, 256],
    [31, 47],
  ])('keeps its colour up to the edges: %i by %i', async (width, height) => {
    const plain = sharp({ create: { width, height, channels: 3, background: '#336699' } });
    const pixels = await decodePixels(await plain.png().toBuffer(), preprocessing);
    const expected = Uint8Array.from({ length: 224 * 224 * 3 }, (_, index) => [0x33, 0x66, 0x99][index % 3]);
    expect(pixels).toEqual(expected);
  });

  it('is laid on the background and turned upright before that', async () => {
    const upright = sharp({
      create: { width: 30, height: 20, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
    });
    const white = await decodePixels(await upright.png().toBuffer(), preprocessing);
    expect(new Set(white)).toEqual(new Set([255]));

    const small = sharp(fixture('coffee.jpg')).resize(60, 40);
    const seen = await decodePixels(await small.clone().png().toBuffer(), preprocessing);
    const lying = await small.rotate(270).withMetadata({ orientation: 6 }).png().toBuffer();
    expect(difference(await decodePixels(lying, preprocessing), seen)).toBeLessThan(0.1);
  });

  it('may be grey, or have sixteen bits a channel', async () => {
    const grey = sharp(fixture('coffee.jpg')).resize(60, 40).greyscale();
    const eight = await decodePixels(await grey.clone().png().toBuffer(), preprocessing);
    expect(eight).toHaveLength(224 * 224 * 3);
    const sixteen = await grey.clone().toColourspace('grey16').png().toBuffer();
    expect(difference(await decodePixels(sixteen, preprocessing), eight)).toBeLessThan(1);
  });
});
