import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openImage } from '../../../../src/modalities/image/decode.ts';
import { readTiffDirectory } from '../../../../src/modalities/image/tiff-directory.ts';

const fixture = (name: string) => path.resolve('test/fixtures/images', name);

async function pixelsOf(name: string) {
  const { image, format } = await openImage(fixture(name));
  const plain = image.flatten({ background: '#ffffff' }).toColourspace('srgb').removeAlpha();
  return { format, ...(await plain.raw().toBuffer({ resolveWithObject: true })) };
}

describe('an image of another format', () => {
  it.each([
    ['lzw.tif', 'expected.png', 0],
    ['first-page.tif', 'expected.png', 0],
    ['big-endian.tif', 'expected.png', 0],
    ['bigtiff.tif', 'expected.png', 0],
    ['planes.tif', 'expected.png', 0],
    ['rgb16.tif', 'expected.png', 0],
    ['grey16.png', 'grey.expected.png', 0],
    ['still.gif', 'gif.expected.png', 0],
    ['first-frame.gif', 'gif.expected.png', 0],
    ['first-frame.webp', 'expected.png', 0],
    // Colours that are stored at half the size are enlarged in another way.
    ['lossy.avif', 'avif.expected.png', 8],
  ])(
    'has the pixels that Pillow sees, of its first page or frame: %s',
    async (name, expectedName, tolerance) => {
      const { data, info } = await pixelsOf(name);
      const expected = await sharp(fixture(expectedName)).toColourspace('srgb').raw().toBuffer();
      expect([info.width, info.height, data.length]).toEqual([48, 32, expected.length]);
      const most = expected.reduce(
        (worst, value, place) => Math.max(worst, Math.abs(value - (data[place] ?? 0))),
        0,
      );
      expect(most).toBeLessThanOrEqual(tolerance);
    },
  );

  it('is a JPEG for print, whose colours are converted as a profile for print has them', async () => {
    const { data, format } = await pixelsOf('cmyk.jpg');
    const expected = await sharp(fixture('expected.png')).raw().toBuffer();
    expect(format).toBe('jpeg');
    const mean =
      expected.reduce((sum, value, place) => sum + Math.abs(value - (data[place] ?? 0)), 0) / expected.length;
    expect(mean).toBeLessThan(40);
  });
});

describe('an image that is refused, with what to do', () => {
  it.each([
    ['image.bmp', 'it is a BMP image; convert it to JPEG or PNG'],
    ['image.heic', 'it is a HEIC image; convert it to JPEG or PNG'],
    ['anim.avif', 'it is an animated AVIF image; convert it to JPEG or PNG'],
    ['float.tif', 'its pixels are numbers of another kind (float); save it with 8 or 16 bits a sample'],
    ['zstd.tif', 'the TIFF is compressed in a way that is not read (50000); save it with LZW'],
  ])('is %s', async (name, message) => {
    const bytes = await readFile(fixture(name));
    for (const input of [bytes, fixture(name)])
      await expect(openImage(input)).rejects.toMatchObject({ code: 'invalid-image', message });
  });

  it.each(['lzw.tif', 'still.gif', 'lossy.avif'])('breaks off: %s', async (name) => {
    const bytes = await readFile(fixture(name));
    const decode = async () =>
      (await openImage(bytes.subarray(0, bytes.length * 0.6))).image.raw().toBuffer();
    await expect(decode()).rejects.toThrow();
  });

  it('is a TIFF of more than a thousand pages, even of pages that go in a circle', async () => {
    for (const pages of [1001, 1]) {
      const message = 'the TIFF has more than 1000 pages';
      await expect(openImage(tiffOfPages(pages))).rejects.toMatchObject({
        code: 'image-too-complex',
        message,
      });
    }
  });
});

describe('the directory of a TIFF', () => {
  it('says what decides how it is decoded, in any byte order', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'tiff-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const read = (name: string) => readTiffDirectory(fixture(name), 10);
    expect(await read('first-page.tif')).toMatchObject({ pages: 3, isPlanar: false, compression: 1 });
    expect(await read('big-endian.tif')).toMatchObject({ pages: 1, compression: 32946, rowsPerStrip: 32 });
    expect(await read('bigtiff.tif')).toMatchObject({ pages: 1, tile: { width: 16, height: 16 } });
    expect(await read('planes.tif')).toMatchObject({ pages: 1, isPlanar: true });
    expect(await read('expected.png')).toBeUndefined();
    await writeFile(path.join(folder, 'cut.tif'), (await readFile(fixture('lzw.tif'))).subarray(0, 20));
    expect(await readTiffDirectory(path.join(folder, 'cut.tif'), 10)).toBeUndefined();
  });
});

/** A chain of directories of one entry each; the last goes back to the first. */
function tiffOfPages(pages: number): Buffer {
  const bytes = Buffer.alloc(8 + pages * 18);
  bytes.write('II*\0', 'latin1');
  bytes.writeUInt32LE(8, 4);
  for (let page = 0; page < pages; page++) {
    const at = 8 + page * 18;
    bytes.writeUInt16LE(1, at);
    bytes.writeUInt16LE(256, at + 2);
    bytes.writeUInt16LE(3, at + 4);
    bytes.writeUInt32LE(1, at + 6);
    bytes.writeUInt32LE(page + 1 < pages ? at + 18 : 8, at + 14);
  }
  return bytes;
}
