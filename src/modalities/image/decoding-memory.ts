import type { Metadata } from 'sharp';

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
 * @param isSimpleWebp a lossy one without alpha, which is decoded row by row
 * @example decodingBytes(await image.metadata(), { coefficientBytes: 150e6 })
 */
export function decodingBytes(
  metadata: Metadata,
  { coefficientBytes = 0, isSimpleWebp = false }: { coefficientBytes?: number; isSimpleWebp?: boolean } = {},
): number {
  const { format, width, height, isProgressive, channels, depth, pages = 1, orientation = 1 } = metadata;
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
      // A frame of an animation is laid on a canvas of its own.
      const frames = pages > 1 ? 2 : 1;
      return (isSimpleWebp ? 0 : frames * 4 * width * height) + kept / shrunk ** 2;
    }
    default:
      return (isProgressive ? whole : 0) + kept;
  }
}
