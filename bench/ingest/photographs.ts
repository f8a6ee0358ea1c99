import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { Random } from '../../src/random.ts';

const fixtures = path.join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'encoders');
const originals = ['coffee.jpg', 'cat.jpg', 'astronaut.jpg', 'rocket.jpg'];

/**
 * Makes JPEG files of one size, each another part of a photograph, as a camera's folder would have them.
 * @returns their paths
 */
export async function makePhotographs(
  folder: string,
  count: number,
  [width, height]: readonly [number, number],
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const random = new Random(0, 'photographs');
  const paths: string[] = [];
  for (let index = 0; index < count; index++) {
    const file = path.join(folder, `${index}.jpg`);
    const original = sharp(path.join(fixtures, originals[index % originals.length]));
    const { width: w, height: h } = await original.metadata();
    const share = 0.7 + 0.3 * random.nextFloat();
    const part = { width: Math.floor(w * share), height: Math.floor(h * share) };
    const left = random.nextInteger(w - part.width + 1);
    const top = random.nextInteger(h - part.height + 1);
    await original
      .extract({ left, top, ...part })
      .resize(width, height)
      .jpeg({ quality: 88 })
      .toFile(file);
    paths.push(file);
  }
  return paths;
}
