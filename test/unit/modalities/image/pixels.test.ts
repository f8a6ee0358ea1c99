import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePixels } from '../../../../src/modalities/image/pixels.ts';
import { omitRegions } from '../../../../src/modalities/image/regions.ts';

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

describe('an image that is fitted into the square', () => {
  const whole = { ...preprocessing, shortSide: 224, fit: 'pad' } as const;
  const blue = [0x33, 0x66, 0x99];
  const white = [0xff, 0xff, 0xff];
  const at = (pixels: Uint8Array, x: number, y: number) => [
    ...pixels.subarray(3 * (224 * y + x), 3 * (224 * y + x) + 3),
  ];

  it.each([
    ['png', 448, 112],
    ['jpeg', 448, 112],
    ['png', 40, 10],
    ['png', 900, 224],
  ] as const)(
    'keeps its ends, with background above and below: %s of %i by %i',
    async (format, width, height) => {
      const plain = sharp({ create: { width, height, channels: 3, background: '#336699' } });
      const pixels = await decodePixels(await plain[format]({ quality: 100 }).toBuffer(), whole);
      const seen = Math.round((height * 224) / width);
      const top = Math.floor((224 - seen) / 2);
      for (const x of [0, 100, 223]) {
        expect(at(pixels, x, top - 1)).toEqual(white);
        expect(at(pixels, x, top + seen)).toEqual(white);
        for (const y of [top, 112, top + seen - 1])
          for (const [channel, value] of at(pixels, x, y).entries())
            expect(Math.abs(value - (blue[channel] ?? 0))).toBeLessThanOrEqual(2);
      }
    },
  );

  it('fills the square where it is one', async () => {
    const plain = sharp({ create: { width: 300, height: 300, channels: 3, background: '#336699' } });
    const pixels = await decodePixels(await plain.png().toBuffer(), whole);
    expect(new Set(pixels)).toEqual(new Set(blue));
  });

  it.each([3, 6, 8])('is turned upright with its background: orientation %i', async (orientation) => {
    const tall = sharp(fixture('coffee.jpg')).resize(301, 450, { fit: 'fill' });
    const upright = await tall.clone().png().toBuffer();
    const seen = await decodePixels(upright, whole);
    const turns = { 3: 180, 6: 270, 8: 90 }[orientation];
    const lying = await sharp(upright).rotate(turns).withMetadata({ orientation }).png().toBuffer();
    // libvips scales the rows of the file before its columns, and rounds between.
    expect(difference(await decodePixels(lying, whole), seen)).toBeLessThan(0.2);
  });

  it('is divided into regions that lie on the image alone, and leave the background as it is', async () => {
    const half = sharp({ create: { width: 224, height: 112, channels: 3, background: '#336699' } });
    const wide = half.extend({ right: 224, background: '#000000' });
    const omissions = await omitRegions(await wide.png().toBuffer(), whole, { most: 16 });
    expect(omissions.map(({ part }) => part)).toEqual(
      [0, 0.25, 0.5, 0.75].flatMap((y) =>
        [0, 0.25, 0.5, 0.75].map((x) => ({ x, y, width: 0.25, height: 0.25 })),
      ),
    );
    const [first] = omissions;
    const pixels = (await first?.without()) ?? new Uint8Array();
    const painted = at(pixels, 0, 84);
    for (const [channel, value] of painted.entries())
      expect(Math.abs(value - (blue[channel] ?? 0) / 2)).toBeLessThanOrEqual(2);
    expect(at(pixels, 55, 97)).toEqual(painted);
    expect([at(pixels, 56, 84), at(pixels, 0, 98)]).toEqual([blue, blue]);
    expect(at(pixels, 0, 83)).toEqual(white);
  });
});

it('is divided into regions of what is cut from the centre, in shares of all of it', async () => {
  const square = sharp({ create: { width: 256, height: 256, channels: 3, background: 'teal' } });
  const parts = (await omitRegions(await square.png().toBuffer(), preprocessing, { most: 4 })).map(
    ({ part }) => [part.x, part.y, part.width, part.height],
  );
  const cut = 112 / 256;
  expect(parts).toEqual([16, 128].flatMap((y) => [16, 128].map((x) => [x / 256, y / 256, cut, cut])));
});
