import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openImage } from '../../../../src/modalities/image/decode.ts';
import { countScans } from '../../../../src/modalities/image/jpeg-scans.ts';
import { decodePixels } from '../../../../src/modalities/image/pixels.ts';
import { manyScansJpeg } from '../../../attack/payloads/many-scans-jpeg.ts';

const preprocessing = { shortSide: 256, crop: 224, kernel: 'cubic', background: '#ffffff' } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scans-'));
});
afterAll(() => rm(folder, { recursive: true }));

const noise = (width: number, height: number) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: 'red',
      noise: { type: 'gaussian', mean: 128, sigma: 50 },
    },
  });

describe('the scans of a JPEG', () => {
  it('are counted, from bytes and from a file that is read in several pieces', async () => {
    const plain = await noise(3000, 1500).jpeg({ quality: 95 }).toBuffer();
    const progressive = await noise(3000, 1500).jpeg({ quality: 95, progressive: true }).toBuffer();
    expect(progressive.length).toBeGreaterThan(3 * 2 ** 20);
    for (const [jpeg, scans] of [
      [plain, 1],
      [progressive, 10],
      [manyScansJpeg({ width: 800, height: 600, scans: 321 }), 321],
    ] as const) {
      const file = path.join(folder, `${scans}.jpg`);
      await writeFile(file, jpeg);
      for (const input of [jpeg, new Uint8Array(jpeg), file])
        expect(await countScans(input, 1000)).toBe(scans);
    }
  });

  it('are not looked for in an embedded thumbnail, nor behind the end', async () => {
    const jpeg = await noise(64, 64).jpeg({ progressive: true }).toBuffer();
    const thumbnail = Buffer.concat([
      Buffer.from([0xff, 0xe1, 0x04, 0x02]),
      Buffer.alloc(1024, '\xff\xda', 'latin1'),
    ]);
    const whole = Buffer.concat([jpeg.subarray(0, 2), thumbnail, jpeg.subarray(2), jpeg, jpeg]);
    expect(await countScans(whole, 1000)).toBe(10);
    expect((await openImage(whole)).format).toBe('jpeg');
  });

  it('are counted no further than the piece of the file that has more than is asked', async () => {
    const scans = await countScans(manyScansJpeg({ width: 80, height: 80, scans: 200_000 }), 24);
    expect(scans).toBeGreaterThan(24);
    expect(scans).toBeLessThan(100_000);
  });
});

describe('a progressive JPEG', () => {
  it('of 50 megapixels with the usual ten scans, or the 18 of CMYK, is decoded', async () => {
    for (const scans of [10, 18]) {
      const jpeg = manyScansJpeg({ width: 8000, height: 6248, scans });
      expect(await decodePixels(jpeg, preprocessing)).toHaveLength(224 * 224 * 3);
    }
  });

  it('that goes over its pixels hundreds of times is refused before it is decoded', async () => {
    const jpeg = manyScansJpeg({ width: 8000, height: 6248, scans: 1000 });
    expect(jpeg.length).toBeLessThan(200_000);
    const file = path.join(folder, 'attack.jpg');
    await writeFile(file, jpeg);
    for (const input of [jpeg, file]) {
      const before = process.cpuUsage();
      await expect(decodePixels(input, preprocessing)).rejects.toMatchObject({
        code: 'image-too-complex',
        message: 'the JPEG has more than 24 scans at 50.0 megapixels',
      });
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(1000);
    }
  });

  it('is small and may have hundreds of scans, not millions', async () => {
    const decode = (scans: number) =>
      decodePixels(manyScansJpeg({ width: 800, height: 600, scans }), preprocessing);
    expect(await decode(500)).toHaveLength(224 * 224 * 3);
    await expect(decode(100_000)).rejects.toMatchObject({ code: 'image-too-complex' });
  });
});
