import type { Metadata } from 'sharp';
import type { TiffDirectory } from './tiff-directory.ts';
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
 * @param tiff the first directory of a TIFF
 * @example decodingBytes(await image.metadata(), { coefficientBytes: 150e6 })
 */
export function decodingBytes(
  metadata: Metadata,
  {
    coefficientBytes = 0,
    webp,
    tiff,
  }: { coefficientBytes?: number; webp?: WebpChunks; tiff?: TiffDirectory } = {},
): number {
  const { format, width, height, isProgressive, channels, depth, orientation = 1, pages = 1 } = metadata;
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
    case 'gif':
      // A canvas of four bytes a pixel, and what an animation may restore.
      return (pages > 1 ? 2 : 1) * 4 * width * height + kept;
    case 'tiff':
      return (tiff ? blockBytes(tiff, { width, height, pixelBytes }) : mostOfBlocks * whole) + kept;
    case 'heif':
      return (depth === 'ushort' ? avifBytes.deep : avifBytes.usual) * width * height;
    default:
      return (isProgressive ? whole : 0) + kept;
  }
}

/** A pixel of an AVIF, of 8 bits or more, in all the forms that it goes through. */
const avifBytes = { usual: 20, deep: 28 };
/** Strips or tiles that are in memory at a time; measured. */
const blocks = { tiles: 2, planes: 1.5, jpeg: 3 };
const mostOfBlocks = Math.max(...Object.values(blocks));
/** Compressions that hold a strip as a whole: JPEG. Of the others rows come one by one. */
const jpegCompression = 7;

/** Bytes of the parts of a TIFF that are decoded as a whole. */
function blockBytes(
  { tile, isPlanar, rowsPerStrip, compression }: TiffDirectory,
  { width, height, pixelBytes }: { width: number; height: number; pixelBytes: number },
): number {
  if (tile) return blocks.tiles * tile.height * Math.ceil(width / tile.width) * tile.width * pixelBytes;
  const strip = Math.min(rowsPerStrip, height) * width * pixelBytes;
  if (compression === jpegCompression) return blocks.jpeg * strip;
  return isPlanar ? blocks.planes * strip : 0;
}
