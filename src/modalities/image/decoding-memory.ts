import type { Metadata } from 'sharp';
import type { WebpChunks } from './webp-chunks.ts';

/** Bytes that all decodings of the process may take at a time, and so the most that one may. */
export const decodingBudget = 190e6;

/** Rows of a wide image that libvips keeps while it scales them down as they come, at most; measured. */
const keptRows = 1650;
/** The same by the height of a low image. */
const keptHeights = 2.2;
/** Images with a short side of so many pixels are scaled down by four, or two, while they are decoded: JPEG and WebP. */
const shrinking: [side: number, by: number][] = [
  [2048, 4],
  [1024, 2],
];

/** No encoder takes images whose short side has more pixels, so that it would have larger ones enlarged. */
const enlargedSide = 1024;

/**
 * Bytes that decoding an image to a small one takes, measured with libvips: about the rows that it keeps, and all of the
 * image where its format or its form has it decoded whole.
 * @param metadata what sharp says of the file
 * @param coefficientBytes of a JPEG that is decoded whole, or 0
 * @param webp the chunks of a WebP
 * @example decodingBytes(await image.metadata(), { coefficientBytes: 150e6 })
 */
export function decodingBytes(
  metadata: Metadata,
  { coefficientBytes = 0, webp }: { coefficientBytes?: number; webp?: WebpChunks } = {},
): number {
  const { format, width, height, isProgressive, channels, depth, orientation = 1 } = metadata;
  const pixelBytes = channels * (depth === 'ushort' ? 2 : 1);
  const whole = pixelBytes * width * height;
  // One that is enlarged is turned upright before.
  const turned = orientation > 1 && Math.min(width, height) < enlargedSide ? whole : 0;
  const kept = turned + width * pixelBytes * Math.min(keptHeights * height, keptRows);
  const shrunk = shrinking.find(([side]) => Math.min(width, height) >= side)?.[1] ?? 1;
  switch (format) {
    case 'jpeg':
      return coefficientBytes + kept / shrunk ** 2;
    case 'webp': {
      // The first frame of an animation is laid on a canvas of its own; the others are not decoded.
      const canvases = webp?.isSimple ? 0 : webp?.frames ? 2 : 1;
      return canvases * 4 * width * height + kept / shrunk ** 2;
    }
    default:
      return (isProgressive ? whole : 0) + kept;
  }
}
