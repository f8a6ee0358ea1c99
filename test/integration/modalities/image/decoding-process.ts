/** Prints the megabytes that decoding an image takes: `node decoding-process.ts FILE`. Linux alone says. */
import { readFile, writeFile } from 'node:fs/promises';
import { decodePixels } from '../../../../src/modalities/image/pixels.ts';
import { sharp } from '../../../../src/modalities/image/sharp.ts';

const preprocessing = { shortSide: 256, crop: 224, kernel: 'cubic', background: '#ffffff' } as const;

async function kilobytes(name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
}

const image = await readFile(process.argv[2] ?? '');
// What is loaded once is no image's.
const small = { create: { width: 300, height: 300, channels: 3, background: '#336699' } } as const;
for (const format of ['png', 'webp', 'tiff', 'gif', 'avif'] as const)
  await decodePixels(await sharp(small).toFormat(format).toBuffer(), preprocessing);
await writeFile('/proc/self/clear_refs', '5');
const before = await kilobytes('VmRSS');
await decodePixels(image, preprocessing);
console.log(((await kilobytes('VmHWM')) - before) / 1000);
