import sharp from 'sharp';
import { expect, it } from 'vitest';
import { decodePixels } from '../../../../src/modalities/image/pixels.ts';

const preprocessing = { shortSide: 64, crop: 48, kernel: 'cubic', background: '#ffffff' } as const;

/** A smooth image of which no part looks like another, with odd sides, so that its middle is between pixels. */
async function slope(width: number, height: number) {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    return [(250 * x) / width, (250 * y) / height, (125 * (x + y)) / (width + height)][index % 3];
  });
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

it.each(
  [1, 2, 3, 4, 5, 6, 7, 8].flatMap((orientation) => [
    [orientation, 201, 133],
    [orientation, 41, 31],
    [orientation, 1203, 133],
  ]),
)('sees an image of orientation %i, %i by %i, as a person does', async (orientation, width, height) => {
  const lying = await sharp(await slope(width, height))
    .withMetadata({ orientation })
    .png()
    .toBuffer();
  const upright = await sharp(lying).autoOrient().png().toBuffer();
  const [seen, expected] = await Promise.all([lying, upright].map((png) => decodePixels(png, preprocessing)));
  const furthest = seen.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index])), 0);
  expect(furthest).toBeLessThanOrEqual(2);
});
