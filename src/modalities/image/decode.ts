import { open } from 'node:fs/promises';
import type { Metadata, Sharp } from 'sharp';
import { TandemError } from '../../errors.ts';
import { decodingBudget, decodingBytes } from './decoding-memory.ts';
import { conversionHint, formatList, formatNames, type ImageFormat, isImageFormat } from './formats.ts';
import { countCoefficientBytes, countScans } from './jpeg-scans.ts';
import { sharp } from './sharp.ts';
import { readTiffDirectory, type TiffDirectory } from './tiff-directory.ts';
import { readWebpChunks, type WebpChunks } from './webp-chunks.ts';

/** Images with more pixels than this are refused before any is decoded. */
export const maximumPixels = 50e6;
const minimumSide = 2;
/**
 * Pixels that a decoder goes over in all scans of a progressive JPEG: so many scans of the largest image. Encoders
 * write ten scans as a rule, and 18 for CMYK (jpeg_simple_progression of libjpeg).
 */
const maximumScannedPixels = 24 * maximumPixels;
/** What a scan costs at least, however small the image is. */
const minimumPixelsOfScan = 1e6;
/** Chunks of a WebP, and so frames of an animation; opening one takes the square of their number. */
const mostChunks = 2000;
/** Pages of a TIFF: opening one goes over all of them. */
const mostPages = 1000;
/** Compressions of a TIFF that are read: none, fax, LZW, JPEG, Deflate, PackBits. */
const tiffCompressions = [1, 2, 3, 4, 5, 7, 8, 32773, 32946];
/** Seconds after which decoding is given up: many times what the largest image takes. */
const decodingTimeout = 30;

export interface OpenedImage {
  /** Not decoded yet; the orientation that the camera noted will be applied. */
  image: Sharp;
  /** Width and height as a person sees the image, so after applying the orientation. */
  width: number;
  height: number;
  format: ImageFormat;
  /** The same image as the file has it, not turned; its orientation is 1 to 8 (Exif). */
  unturned: Sharp;
  orientation: number;
  /** Bytes that decoding it to a small image takes. */
  memory: number;
}

/**
 * Opens an image and checks its header; of an animation, or of several pages, the first. The pixels are not decoded: a JPEG or PNG that breaks off
 * halfway passes here and fails when the caller decodes it, so await the decoding and give what it throws to
 * {@link describeImageFailure}.
 * @param input the bytes of the file, or its path
 * @throws TandemError `invalid-image`, `image-too-large`, `image-too-small`, `image-too-complex`
 * @example
 * const { image } = await openImage(bytes);
 * const pixels = await image.resize(224, 224).raw().toBuffer().catch((error) => {
 *   throw describeImageFailure(error);
 * });
 */
export async function openImage(input: Uint8Array | string): Promise<OpenedImage> {
  try {
    const open = () =>
      sharp(input, { limitInputPixels: maximumPixels }).timeout({ seconds: decodingTimeout });
    const [webp, tiff] = [await limitChunks(input), await limitPages(input)];
    const image = open().autoOrient();
    const metadata = await image.metadata();
    const { format, autoOrient, isProgressive, orientation = 1 } = metadata;
    if (!isImageFormat(format)) throw unreadable(`it is a ${format} file`);
    checkSamples(metadata);
    const { width, height } = autoOrient;
    if (width < minimumSide || height < minimumSide) {
      throw new TandemError('image-too-small', `the image is ${width} by ${height} pixels`);
    }
    if (format === 'jpeg' && isProgressive) await limitScans(input, width * height);
    const memory = await limitMemory(input, metadata, { webp, tiff });
    return { image, width, height, format, unturned: open(), orientation, memory };
  } catch (error) {
    if (isUnknownFormat(error)) throw unreadable(nameContent(await firstBytes(input)), error);
    // A loader may know the format, and not what is in it.
    const other = error instanceof TandemError ? undefined : await otherFormatOf(input);
    if (other !== undefined) throw unreadable(other, error);
    throw describeImageFailure(error);
  }
}

/** @throws TandemError `image-too-complex` */
async function limitScans(input: Uint8Array | string, pixels: number): Promise<void> {
  const most = Math.floor(maximumScannedPixels / Math.max(pixels, minimumPixelsOfScan));
  if ((await countScans(input, most)) <= most) return;
  const megapixels = (pixels / 1e6).toFixed(1);
  throw new TandemError(
    'image-too-complex',
    `the JPEG has more than ${most} scans at ${megapixels} megapixels`,
  );
}

/** @throws TandemError `image-too-complex` */
async function limitChunks(input: Uint8Array | string): Promise<WebpChunks | undefined> {
  // What cannot be read is named by who opens it.
  const webp = await readWebpChunks(input, mostChunks).catch(() => undefined);
  if (webp && webp.chunks > mostChunks)
    throw new TandemError(
      'image-too-complex',
      `the WebP has more than ${mostChunks} chunks; each frame of an animation is one`,
    );
  return webp;
}

/** @throws TandemError `image-too-complex`; `invalid-image` where it is compressed in another way */
async function limitPages(input: Uint8Array | string): Promise<TiffDirectory | undefined> {
  const tiff = await readTiffDirectory(input, mostPages).catch(() => undefined);
  if (tiff && tiff.pages > mostPages)
    throw new TandemError('image-too-complex', `the TIFF has more than ${mostPages} pages`);
  if (tiff && !tiffCompressions.includes(tiff.compression))
    throw unreadable(
      `the TIFF is compressed in a way that is not read (${tiff.compression}); save it with LZW`,
    );
  return tiff;
}

/** @throws TandemError `invalid-image` where nobody can say which numbers are black and white, or it is a HEIC */
function checkSamples({ format, depth, compression }: Metadata): void {
  if (format === 'heif' && compression !== 'av1') throw unreadable(`it is a HEIC image; ${conversionHint}`);
  if (depth !== 'uchar' && depth !== 'ushort')
    throw unreadable(`its pixels are numbers of another kind (${depth}); save it with 8 or 16 bits a sample`);
}

/** @throws TandemError `image-too-complex` */
async function limitMemory(
  input: Uint8Array | string,
  metadata: Metadata,
  parts: { webp?: WebpChunks; tiff?: TiffDirectory },
): Promise<number> {
  const { format, isProgressive, width, height } = metadata;
  const coefficientBytes = format === 'jpeg' && isProgressive ? await countCoefficientBytes(input) : 0;
  const memory = decodingBytes(metadata, { coefficientBytes, ...parts });
  if (memory <= decodingBudget) return memory;
  const [most, needed] = [Math.round(decodingBudget / 1e6), Math.round(memory / 1e6)];
  const what = `the ${isProgressive && format !== 'gif' ? 'progressive ' : ''}${isImageFormat(format) ? formatNames[format] : 'image'}`;
  throw new TandemError(
    'image-too-complex',
    `decoding ${what} of ${width} by ${height} pixels takes ${needed} MB of memory; ${most} MB are the limit`,
  );
}

/**
 * Says in a person's words why an image could not be read or decoded.
 * @example await image.toBuffer().catch((error) => { throw describeImageFailure(error); });
 */
export function describeImageFailure(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/exceeds pixel limit/i.test(message)) {
    const detail = `the image has more than ${maximumPixels / 1e6} megapixels`;
    return new TandemError('image-too-large', detail, { cause: error });
  }
  if (/timeout: \d+% complete/i.test(message)) {
    const detail = `decoding takes longer than ${decodingTimeout} seconds`;
    return new TandemError('image-too-complex', detail, { cause: error });
  }
  if (isUnknownFormat(error)) return unreadable(`it is not a ${formatList} image`, error);
  if (/is missing/i.test(message)) return unreadable('there is no such file', error);
  if (/is empty/i.test(message)) return unreadable('it is empty', error);
  if (/premature|truncated|end of|read error|unable to parse|corrupt|treated as error/i.test(message)) {
    return unreadable('it is incomplete or damaged', error);
  }
  return unreadable(`it cannot be decoded (${message.split('\n')[0]})`, error);
}

function unreadable(detail: string, cause?: unknown): TandemError {
  return new TandemError('invalid-image', detail, { cause });
}

function isUnknownFormat(error: unknown): boolean {
  return error instanceof Error && /unsupported image format/i.test(error.message);
}

/** Other formats that people send, by what their files begin with. */
const otherFormats: [name: string, start: RegExp][] = [
  ['a BMP', /^BM/],
  ['an animated AVIF', /^.{4}ftypavis/s],
  ['a HEIC', /^.{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)/s],
  ['an SVG', /^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg/is],
  ['a PDF', /^%PDF/],
  ['a web page, not a', /^\s*<(!doctype html|html)/i],
];

function nameContent(start: Buffer): string {
  if (start.length === 0) return 'it is empty';
  const text = start.toString('latin1');
  if (/^(\xff\xd8\xff|\x89PNG|RIFF.{4}WEBP|GIF8|II[*+]\0|MM\0[*+]|.{4}ftypavif)/s.test(text))
    return 'it is incomplete or damaged';
  return nameOther(text) ?? `it is not a ${formatList} image`;
}

function nameOther(text: string): string | undefined {
  const name = otherFormats.find(([, pattern]) => pattern.test(text))?.[0];
  return name && `it is ${name} image; ${conversionHint}`;
}

async function otherFormatOf(input: Uint8Array | string): Promise<string | undefined> {
  const start = await firstBytes(input).catch(() => undefined);
  return start && nameOther(start.toString('latin1'));
}

async function firstBytes(input: Uint8Array | string): Promise<Buffer> {
  if (typeof input !== 'string') return Buffer.from(input.subarray(0, 512));
  const file = await open(input);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } catch {
    return Buffer.from('a folder');
  } finally {
    await file.close();
  }
}
