import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openImage } from '../../../../src/modalities/image/decode.ts';
import { decodePixels } from '../../../../src/modalities/image/pixels.ts';
import { readWebpChunks } from '../../../../src/modalities/image/webp-chunks.ts';
import { animatedWebp } from '../../../attack/payloads/animated-webp.ts';

const preprocessing = { shortSide: 256, crop: 224, kernel: 'cubic', background: '#ffffff' } as const;
const create = (channels: 3 | 4) =>
  sharp({ create: { width: 30, height: 20, channels, background: '#336699' } });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'webp-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the chunks of a WebP', () => {
  it('are counted, from bytes and from a file', async () => {
    const images: [Buffer, object][] = [
      [await create(3).webp().toBuffer(), { chunks: 1, frames: 0, isSimple: true }],
      [await create(3).webp({ lossless: true }).toBuffer(), { chunks: 1, frames: 0, isSimple: false }],
      [await animatedWebp({ width: 400, height: 300, frames: 1 }), { chunks: 3, frames: 1, isSimple: false }],
      [
        await animatedWebp({ width: 400, height: 300, frames: 70 }),
        { chunks: 72, frames: 70, isSimple: false },
      ],
    ];
    for (const [image, expected] of images) {
      const file = path.join(folder, 'image.webp');
      await writeFile(file, image);
      for (const input of [image, new Uint8Array(image), file])
        expect(await readWebpChunks(input, 100)).toEqual(expected);
    }
  });

  it('are counted no further than asked, nor behind the end', async () => {
    const many = await animatedWebp({ width: 400, height: 300, frames: 5000 });
    expect((await readWebpChunks(many, 100))?.chunks).toBe(101);
    const whole = await animatedWebp({ width: 400, height: 300, frames: 3 });
    expect((await readWebpChunks(Buffer.concat([whole, many.subarray(12)]), 100))?.chunks).toBe(5);
    expect((await readWebpChunks(whole.subarray(0, 60), 100))?.chunks).toBe(3);
  });

  it('are none of a file that is no WebP', async () => {
    for (const image of [Buffer.alloc(0), Buffer.from('RIFF'), await create(3).png().toBuffer()])
      expect(await readWebpChunks(image, 100)).toBeUndefined();
  });
});

describe('an animated WebP', () => {
  it('is read by its first frame, up to 2,000 chunks', async () => {
    const image = await animatedWebp({ width: 400, height: 300, frames: 1998 });
    expect(await openImage(image)).toMatchObject({ width: 400, height: 300, format: 'webp' });
    expect((await decodePixels(image, preprocessing)).length).toBe(224 * 224 * 3);
  });

  it('of more is rejected before libvips opens it, which takes the square of their number', async () => {
    // 300,000 frames: libvips opens it in more than a minute.
    const image = await animatedWebp({ width: 400, height: 300, frames: 300_000 });
    const file = path.join(folder, 'many.webp');
    await writeFile(file, image);
    const started = process.cpuUsage();
    for (const input of [image, file])
      await expect(openImage(input)).rejects.toMatchObject({
        code: 'image-too-complex',
        message: expect.stringContaining('more than 2000 chunks'),
      });
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(1000);
  });
});
