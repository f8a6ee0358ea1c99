import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeImageFailure, openImage } from '../../../../src/modalities/image/decode.ts';
import { hugePng } from '../../../huge-png.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-'));
});
afterAll(() => rm(folder, { recursive: true }));

const create = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

describe('an image that can be used', () => {
  it.each(['jpeg', 'png', 'webp'] as const)(
    'is opened when it is %s, from bytes and from a file',
    async (format) => {
      const bytes = await create(30, 20).toFormat(format).toBuffer();
      const path = join(folder, `image.${format}`);
      await writeFile(path, bytes);
      for (const input of [bytes, new Uint8Array(bytes), path]) {
        expect(await openImage(input)).toMatchObject({ width: 30, height: 20, format });
      }
    },
  );

  it('is turned upright as the camera noted it', async () => {
    const lying = await create(30, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { image, width, height } = await openImage(lying);
    expect([width, height]).toEqual([20, 30]);
    const { info } = await image.raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([20, 30]);
  });

  it('is read again after the file was replaced', async () => {
    const path = join(folder, 'replaced.png');
    await writeFile(path, await create(30, 20).png().toBuffer());
    await (await openImage(path)).image.toBuffer();
    await writeFile(path, await create(40, 20).png().toBuffer());
    const { image, width } = await openImage(path);
    const { info } = await image.raw().toBuffer({ resolveWithObject: true });
    expect([width, info.width]).toEqual([40, 40]);
  });
});

describe('an image that cannot be used', () => {
  const svg =
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>';

  it.each([
    ['nothing', '', /empty/],
    ['plain text', 'This is not an image at all.', /not a JPEG, PNG, WebP, GIF, TIFF or AVIF/],
    ['an SVG', svg, /it is an SVG image; convert it to JPEG or PNG/],
    ['an SVG without a declaration', svg.replace(/^.*\n/, ''), /an SVG/],
    ['a BMP', 'BM\x46\0\0\0', /a BMP image; convert it to JPEG or PNG/],
    ['a HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic', /a HEIC/],
    ['a PNG that ends after its signature', '\x89PNG\r\n\x1a\n', /incomplete or damaged/],
  ])('is %s', async (name, content, detail) => {
    const bytes = Buffer.from(content, 'latin1');
    const path = join(folder, name);
    await writeFile(path, bytes);
    for (const input of [bytes, path]) {
      await expect(openImage(input)).rejects.toMatchObject({
        code: 'invalid-image',
        message: expect.stringMatching(detail),
      });
    }
  });

  it('is not there', async () => {
    await expect(openImage(join(folder, 'absent.png'))).rejects.toMatchObject({
      code: 'invalid-image',
      message: 'there is no such file',
    });
  });

  it('is a folder', async () => {
    await expect(openImage(folder)).rejects.toMatchObject({ code: 'invalid-image' });
  });

  it('has one pixel', async () => {
    const bytes = await create(1, 1).png().toBuffer();
    await expect(openImage(bytes)).rejects.toMatchObject({ code: 'image-too-small', message: /1 by 1/ });
    await expect(openImage(await create(1, 9).png().toBuffer())).rejects.toThrow(/1 by 9/);
  });

  it('is a small file of 256 megapixels', async () => {
    const bytes = hugePng(16_000, 16_000);
    expect(bytes.length).toBeLessThan(1e6);
    await expect(openImage(bytes)).rejects.toMatchObject({
      code: 'image-too-large',
      message: 'the image has more than 50 megapixels',
    });
  });

  it.each(['jpeg', 'png'] as const)(
    'is a %s that breaks off: it opens, and fails when decoded',
    async (format) => {
      const whole = await noise().toFormat(format).toBuffer();
      const { image } = await openImage(whole.subarray(0, whole.length * 0.6));
      const failure = await image.raw().toBuffer().catch(describeImageFailure);
      expect(failure).toMatchObject({ code: 'invalid-image', message: 'it is incomplete or damaged' });
    },
  );

  it('is a webp that breaks off', async () => {
    const whole = await noise().webp().toBuffer();
    await expect(openImage(whole.subarray(0, whole.length * 0.6))).rejects.toMatchObject({
      code: 'invalid-image',
      message: 'it is incomplete or damaged',
    });
  });
});

describe('what went wrong', () => {
  it('is left alone when it is already in words', async () => {
    const error = await openImage(Buffer.alloc(0)).catch((error) => error);
    expect(describeImageFailure(error)).toBe(error);
  });

  it('keeps the cause and quotes what it does not know', () => {
    const cause = new Error('glimmer\nsecond line');
    expect(describeImageFailure(cause)).toMatchObject({ cause, message: 'it cannot be decoded (glimmer)' });
    expect(describeImageFailure('odd').message).toContain('odd');
  });
});

function noise() {
  return sharp({
    create: {
      width: 200,
      height: 200,
      channels: 3,
      background: 'red',
      noise: { type: 'gaussian', mean: 128, sigma: 50 },
    },
  });
}
