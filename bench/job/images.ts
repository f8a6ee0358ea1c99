import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { drawImages } from '../../scripts/sample-set/draw.ts';
import { chooseEmoji } from '../../scripts/sample-set/emoji.ts';

const background = '#dde3ea';

/**
 * Makes a dataset of JPEG files of a camera's kind: the sample set's emoji, large, each with its line of text.
 * @param count examples at most
 */
export async function makeJpegDataset(
  folder: string,
  count: number,
  [width, height]: readonly [number, number],
): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const chosen = await chooseEmoji(height);
  const every = Math.max(1, Math.floor(chosen.length / count));
  const examples = chosen.filter((_, index) => index % every === 0).slice(0, count);
  const drawings = examples.map(({ fileName, svg }) => ({ path: path.join(folder, fileName), svg }));
  await drawImages(drawings);
  const lines = ['file_name,text,label'];
  for (const { fileName, text, label } of examples) {
    const drawing = path.join(folder, fileName);
    const photograph = drawing.replace(/\.png$/, '.jpg');
    await sharp(drawing)
      .flatten({ background })
      .resize(width, height, { fit: 'contain', background })
      .jpeg({ quality: 88 })
      .toFile(photograph);
    await rm(drawing);
    const cells = [path.basename(photograph), text, label];
    lines.push(cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','));
  }
  await writeFile(path.join(folder, 'metadata.csv'), `${lines.join('\n')}\n`);
  return examples.length;
}
