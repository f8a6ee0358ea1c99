import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { TandemError } from '../../src/errors.ts';
import { decodePixels } from '../../src/modalities/image/pixels.ts';
import { Random } from '../../src/random.ts';
import { fixtures } from '../e2e/server.ts';
import { firstSeed, mutate, shares } from './mutate.ts';

const preprocessing = { shortSide: 256, crop: 224, kernel: 'cubic', background: 'white' } as const;
const codes = ['invalid-image', 'image-too-large', 'image-too-small', 'image-too-complex'];
const mebibyte = 2 ** 20;

it('decodes any damaged image to pixels or refuses it, and holds on to none', async () => {
  const random = new Random(firstSeed, 'images');
  const small = sharp(await readFile(path.join(fixtures, 'coffee.jpg'))).resize(90, 60);
  const originals = [
    await small.clone().jpeg().toBuffer(),
    await small.clone().jpeg({ progressive: true }).toBuffer(),
    await small.clone().png().toBuffer(),
    await small.clone().png({ palette: true }).toBuffer(),
    await small.clone().webp().toBuffer(),
    await small.clone().webp({ lossless: true }).toBuffer(),
    await small.clone().tiff({ compression: 'lzw' }).toBuffer(),
    await small.clone().tiff({ compression: 'jpeg', tile: true, tileWidth: 32, tileHeight: 32 }).toBuffer(),
    await small.clone().gif().toBuffer(),
    await small.clone().avif({ effort: 0 }).toBuffer(),
    await readFile(path.join(fixtures, 'rocket-small.jpg')),
  ];
  const outcomes: Record<string, number> = {};
  let settled = 0;
  for (let index = 0; index < shares.images; index++) {
    const bytes = mutate(originals[index % originals.length], random);
    const outcome = await decodePixels(bytes, preprocessing).then(
      (pixels) => {
        expect(pixels).toHaveLength(224 * 224 * 3);
        return 'decoded';
      },
      (error) => {
        if (!(error instanceof TandemError)) throw error;
        return error.code;
      },
    );
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (index === shares.images >> 2) settled = process.memoryUsage.rss();
  }
  console.log(`${shares.images} images:`, outcomes);
  expect(['decoded', ...codes]).toEqual(expect.arrayContaining(Object.keys(outcomes)));
  expect(outcomes.decoded).toBeGreaterThan(0);
  expect(outcomes['invalid-image']).toBeGreaterThan(0);
  expect(process.memoryUsage.rss() - settled).toBeLessThan(200 * mebibyte);
});
