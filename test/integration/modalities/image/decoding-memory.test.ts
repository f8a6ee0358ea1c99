import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openImage } from '../../../../src/modalities/image/decode.ts';
import { decodingBudget } from '../../../../src/modalities/image/decoding-memory.ts';
import { countCoefficientBytes } from '../../../../src/modalities/image/jpeg-scans.ts';
import { animatedWebp } from '../../../attack/payloads/animated-webp.ts';
import { manyScansJpeg } from '../../../attack/payloads/many-scans-jpeg.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'memory-'));
});
afterAll(() => rm(folder, { recursive: true }));

const plain = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background: '#336699' } });
const largest = () => plain(8000, 6248);

describe('the coefficients of a JPEG', () => {
  it.each([
    ['4:2:0', 1.5],
    ['4:4:4', 3],
  ])('are counted by its frame, from bytes and from a file: %s', async (chromaSubsampling, samples) => {
    const jpeg = await plain(320, 160).jpeg({ progressive: true, chromaSubsampling }).toBuffer();
    const file = path.join(folder, 'progressive.jpg');
    await writeFile(file, jpeg);
    for (const input of [jpeg, file])
      expect(await countCoefficientBytes(input)).toBe(2 * samples * 320 * 160);
  });

  it('are counted whatever its first component says', async () => {
    const jpeg = await plain(320, 160).jpeg({ progressive: true, chromaSubsampling: '4:2:0' }).toBuffer();
    // All three components are as fine as the first: still "subsampled" to libvips.
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc2]));
    jpeg[frame + 14] = jpeg[frame + 17] = 0x22;
    expect(await countCoefficientBytes(jpeg)).toBe(2 * 3 * 320 * 160);
  });
});

describe('an image that may take its memory', () => {
  it.each<[string, () => Promise<Buffer>]>([
    ['a progressive JPEG at 4:2:0', () => largest().jpeg({ progressive: true }).toBuffer()],
    [
      'the same, lying',
      () => largest().withMetadata({ orientation: 6 }).jpeg({ progressive: true }).toBuffer(),
    ],
    ['a grey progressive JPEG', async () => manyScansJpeg({ width: 8000, height: 6248, scans: 10 })],
    ['a baseline JPEG at 4:4:4', () => largest().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()],
    ['an interlaced PNG', () => largest().png({ progressive: true }).toBuffer()],
    ['a lossy WebP', () => largest().webp({ effort: 0 }).toBuffer()],
  ])('is %s of 50 megapixels', async (_, make) => {
    expect((await openImage(await make())).memory).toBeLessThanOrEqual(decodingBudget);
  });
});

describe('an image that would take too much memory', () => {
  it.each<[string, () => Promise<Buffer>, RegExp]>([
    [
      'a progressive JPEG at 4:4:4',
      () => largest().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
      /^decoding the progressive JPEG of 8000 by 6248 pixels takes 302 MB of memory; 190 MB are the limit$/,
    ],
    [
      'an interlaced PNG with alpha',
      () => plain(8000, 6248, 4).png({ progressive: true }).toBuffer(),
      /the progressive PNG of 8000 by 6248/,
    ],
    ['a lossless WebP', () => largest().webp({ lossless: true, effort: 0 }).toBuffer(), /the WebP of 8000/],
    ['a GIF', () => plain(7000, 7000).gif({ effort: 1 }).toBuffer(), /the GIF of 7000 by 7000/],
    ['an AVIF', () => plain(4000, 3000).avif({ effort: 0 }).toBuffer(), /the AVIF of 4000 by 3000 .* 240 MB/],
    [
      'a low PNG, of which many rows are kept',
      () => plain(48_000, 1040).toColourspace('rgb16').png({ compressionLevel: 1 }).toBuffer(),
      /the PNG of 48000 by 1040/,
    ],
  ])('is %s', async (_, make, detail) => {
    await expect(openImage(await make())).rejects.toMatchObject({
      code: 'image-too-complex',
      message: expect.stringMatching(detail),
    });
  });
});

/** Megabytes that are resident at most while an image is decoded, in a process of its own, above those before. */
async function measured(image: Buffer): Promise<number> {
  const file = path.join(folder, 'measured');
  await writeFile(file, image);
  const script = fileURLToPath(new URL('./decoding-process.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, file]);
  return Number(stdout);
}

/** What libvips takes beside the pixels, in megabytes. */
const beside = 10;

describe.runIf(process.platform === 'linux')('decoding', () => {
  it.each<[string, () => Promise<Buffer>]>([
    ['an interlaced PNG', () => largest().png({ progressive: true }).toBuffer()],
    ['a wide PNG', () => plain(24_000, 2000).png({ compressionLevel: 1 }).toBuffer()],
    [
      'a wide PNG of 16 bits',
      () => plain(16_000, 1500).toColourspace('rgb16').png({ compressionLevel: 1 }).toBuffer(),
    ],
    ['a wide interlaced PNG', () => plain(16_000, 1000).png({ progressive: true }).toBuffer()],
    ['a WebP with one frame of an animation', () => animatedWebp({ width: 4800, height: 4800, frames: 1 })],
    ['a WebP with 1,900 frames', () => animatedWebp({ width: 4800, height: 4800, frames: 1900 })],
    ['a TIFF in strips', () => largest().tiff({ compression: 'lzw' }).toBuffer()],
    [
      'a TIFF of large tiles',
      () => largest().tiff({ compression: 'lzw', tile: true, tileWidth: 2048, tileHeight: 2048 }).toBuffer(),
    ],
    [
      'a TIFF of 16 bits',
      () => plain(5000, 4000).toColourspace('rgb16').tiff({ compression: 'deflate' }).toBuffer(),
    ],
    ['a GIF', () => plain(6000, 5000).gif({ effort: 1 }).toBuffer()],
    ['an AVIF', () => plain(3000, 3000).avif({ effort: 0 }).toBuffer()],
    [
      'an AVIF at 4:4:4 with alpha',
      () => plain(3000, 3000, 4).avif({ effort: 0, chromaSubsampling: '4:4:4' }).toBuffer(),
    ],
    ['a WebP with frames on a high canvas', () => animatedWebp({ width: 1000, height: 16_000, frames: 9 })],
  ])('%s takes no more memory than estimated', async (_, make) => {
    const image = await make();
    const { memory } = await openImage(image);
    expect(await measured(image)).toBeLessThan(memory / 1e6 + beside);
  });
});
