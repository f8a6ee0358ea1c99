import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';

/** An empty folder that is gone when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dataset-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files into a new folder; folders in their names are made. */
export async function folderWith(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** A small PNG, another one for each number. */
export function image(number: number): Promise<Buffer> {
  const background = { r: number % 256, g: Math.floor(number / 256), b: 128 };
  return sharp({ create: { width: 4, height: 4, channels: 3, background } })
    .png()
    .toBuffer();
}

/** Four images by name, from `folder`. */
export async function images(folder = ''): Promise<Record<string, Buffer>> {
  const names = ['a.png', 'b.png', 'c.png', 'd.png'];
  const entries = names.map(async (name, index) => [folder + name, await image(index)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
