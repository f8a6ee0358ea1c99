import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { Random } from '../../src/random.ts';
import { zip } from '../e2e/server.ts';

export interface SampleRow {
  text: string;
  label: string;
  /** sha256 of the image. */
  hash: string;
}

const labels = ['cat', 'dog'];
const usualRowsPerLabel = 5;
const side = 24;
const words = ['red', 'old', 'small', 'happy', 'wet', 'loud', 'quick', 'round'];

/**
 * Makes a dataset that is unlike any other, but for its first image, which all of them have.
 * @returns what is in it, in order
 */
export async function writeSample(
  file: string,
  random: Random,
  rowsPerLabel = usualRowsPerLabel,
): Promise<SampleRow[]> {
  const images: Record<string, Buffer> = {};
  const rows: (SampleRow & { file_name: string })[] = [];
  for (let index = 0; index < labels.length * rowsPerLabel; index++) {
    const label = labels[index % labels.length];
    const bytes = Buffer.alloc(side * side * 3, 90 * (index % labels.length));
    if (index > 0) for (let at = 0; at < bytes.length; at += 7) bytes[at] = random.nextInteger(256);
    const raw = { width: side, height: side, channels: 3 } as const;
    const image = await sharp(bytes, { raw }).png().toBuffer();
    const name = `${index}.png`;
    images[name] = image;
    const word = () => words[random.nextInteger(words.length)];
    rows.push({
      file_name: name,
      text: `a ${word()} ${word()} ${label} ${random.nextInteger(1e9)}`,
      label,
      hash: createHash('sha256').update(image).digest('hex'),
    });
  }
  const lines = rows.map(({ hash: _, ...row }) => `${JSON.stringify(row)}\n`);
  await mkdir(path.dirname(file), { recursive: true });
  await zip(file, { ...images, 'metadata.jsonl': lines.join('') });
  return rows.map(({ file_name: _, ...row }) => row);
}
