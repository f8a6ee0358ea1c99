import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { Random } from '../src/random.ts';

const things = ['a bicycle', 'a kettle', 'a lamp', 'a chair', 'a rucksack', 'a radio', 'a tent', 'a watch'];
const states = ['hardly used', 'with scratches', 'as new', 'to be repaired', 'in its box', 'from a cellar'];
const brands = ['Acme', 'Borealis', 'Corvid', ''];

/**
 * Writes a dataset whose label the price decides, and neither its image nor its text: `metadata.csv` with the columns
 * file_name, text, price, brand, label. Every tenth row lacks its price, which its brand tells then.
 * @example await writePricedSet('priced', { rows: 120, seed: 3 });
 */
export async function writePricedSet(
  folder: string,
  { rows, seed }: { rows: number; seed: number },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const random = new Random(seed, 'priced set');
  const pick = (list: readonly string[]) => list[random.nextInteger(list.length)] ?? '';
  const lines = ['file_name,text,price,brand,label'];
  for (let row = 0; row < rows; row++) {
    const isDear = random.nextFloat() < 0.5;
    const price = (isDear ? 120 : 20) + 80 * random.nextFloat();
    const isUnpriced = row % 10 === 9;
    const brand = isUnpriced ? (isDear ? 'Acme' : 'Corvid') : pick(brands);
    const text = `${pick(things)}, ${pick(states)}, number ${row}`;
    await writeImage(path.join(folder, `${row}.png`), random);
    const shown = isUnpriced ? '' : price.toFixed(2);
    lines.push(`${row}.png,"${text}",${shown},${brand},${isDear ? 'dear' : 'cheap'}`);
  }
  await writeFile(path.join(folder, 'metadata.csv'), `${lines.join('\n')}\n`);
}

/** Noise, 16 by 16, no two alike. */
async function writeImage(file: string, random: Random): Promise<void> {
  const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => random.nextInteger(256));
  await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
    .resize(32, 32, { kernel: 'nearest' })
    .png()
    .toFile(file);
}
