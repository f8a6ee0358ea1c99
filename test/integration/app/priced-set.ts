import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import { Random } from '../../../src/random.ts';

const things = ['a bicycle', 'a kettle', 'a lamp', 'a chair', 'a rucksack', 'a radio', 'a tent', 'a watch'];
const states = ['hardly used', 'with scratches', 'as new', 'to be repaired', 'in its box', 'from a cellar'];
const brands = ['Acme', 'Borealis', 'Corvid', ''];

/**
 * A dataset whose label the price decides, and neither its image nor its text: `metadata.csv` with the columns file_name,
 * text, price, brand, label. Every tenth row lacks its price, which its brand tells then.
 */
export async function pricedSet(rows: number): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tandem-priced-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const random = new Random(3, 'priced set');
  const pick = (list: readonly string[]) => list[random.nextInteger(list.length)] ?? '';
  const lines = ['file_name,text,price,brand,label'];
  for (let row = 0; row < rows; row++) {
    const isDear = random.nextFloat() < 0.5;
    const price = (isDear ? 120 : 20) + 80 * random.nextFloat();
    const isUnpriced = row % 10 === 9;
    const brand = isUnpriced ? (isDear ? 'Acme' : 'Corvid') : pick(brands);
    const text = `${pick(things)}, ${pick(states)}, number ${row}`;
    const background = { r: random.nextInteger(256), g: random.nextInteger(256), b: random.nextInteger(256) };
    await sharp({ create: { width: 32, height: 32, channels: 3, background } })
      .composite([{ input: await noise(random), left: 0, top: 0 }])
      .png()
      .toFile(path.join(folder, `${row}.png`));
    const shown = isUnpriced ? '' : price.toFixed(2);
    lines.push(`${row}.png,"${text}",${shown},${brand},${isDear ? 'dear' : 'cheap'}`);
  }
  await writeFile(path.join(folder, 'metadata.csv'), `${lines.join('\n')}\n`);
  return folder;
}

function noise(random: Random): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => random.nextInteger(256));
  return sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
    .png()
    .toBuffer();
}
