/**
 * Draws SVG documents as PNG files. Runs as a process of its own, started by build-sample-set.ts: the product blocks
 * libvips' SVG loader for the whole process, and drawing must neither be stopped by that nor undo it.
 */
import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';

/** What the parent sends, once. */
export interface RenderRequest {
  images: { path: string; svg: string }[];
}

process.once('message', async ({ images }: RenderRequest) => {
  const queue = images.values();
  const drawer = async () => {
    for (const { path, svg } of queue) {
      const drawn = sharp(Buffer.from(svg)).flatten({ background: 'white' }).removeAlpha();
      await writeFile(path, await drawn.png({ compressionLevel: 9 }).toBuffer());
      process.send?.('drawn');
    }
  };
  await Promise.all([drawer(), drawer(), drawer(), drawer()]);
  process.disconnect();
});
