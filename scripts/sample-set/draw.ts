import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RenderRequest } from './render.ts';

/**
 * Draws SVG documents as PNG files on white, in a process of its own.
 * @param onProgress how many are drawn
 * @throws Error where a document cannot be drawn
 */
export async function drawImages(
  images: RenderRequest['images'],
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const child = fork(join(import.meta.dirname, 'render.ts'));
  let done = 0;
  child.on('message', () => onProgress?.(++done, images.length));
  child.send({ images } satisfies RenderRequest);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`drawing the images ended with exit code ${code}`);
}
