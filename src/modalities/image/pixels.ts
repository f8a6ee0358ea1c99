import type { Sharp } from 'sharp';
import type { SubmitOptions } from '../../runtime/batcher.ts';
import { describeImageFailure, type OpenedImage } from './decode.ts';
import { decodeImageInTurn } from './decode-queue.ts';
import { storedOrientation, turnUpright } from './orientation.ts';
import type { ImagePreprocessing } from './preprocessing.ts';
import { sharp } from './sharp.ts';

/**
 * Decodes an image, when its turn comes, into an encoder's input: RGB, rows from the top, [crop, crop, 3] bytes.
 * Normalisation is the graph's. sharp does all of it, because its resizing agrees with Pillow's to 0.2 of 255.
 * @param input the bytes of an image file, or its path
 * @param options of the decode queue
 * @throws TandemError `invalid-image`, `image-too-large`, `image-too-small`, `image-too-complex`; the signal's
 * reason where it aborts
 */
export function decodePixels(
  input: Uint8Array | string,
  preprocessing: ImagePreprocessing,
  options?: SubmitOptions,
): Promise<Uint8Array> {
  return decodeImageInTurn(input, (opened) => cutSquare(opened, preprocessing), options);
}

/** What libvips calls the kernels that it interpolates with when it enlarges. */
const interpolators = {
  cubic: 'bicubic',
  linear: 'bilinear',
  nearest: undefined,
  lanczos3: undefined,
} as const;
type Interpolator = NonNullable<(typeof interpolators)[ImagePreprocessing['kernel']]>;

/** Decodes an image that is open; see {@link decodePixels}. */
export async function cutSquare(opened: OpenedImage, preprocessing: ImagePreprocessing): Promise<Uint8Array> {
  const { image, width, height } = opened;
  const { shortSide, crop, kernel, fit, background } = preprocessing;
  const interpolator = interpolators[kernel];
  // One side that is made smaller decides: interpolating it would leave pixels out.
  const deciding = fit ? Math.max(width, height) : Math.min(width, height);
  try {
    if (deciding >= shortSide || !interpolator) return await scale(opened, preprocessing);
    const [horizontal, vertical] = planCut(width, height, preprocessing);
    const cut = await enlarge(
      image.flatten({ background }).toColourspace('srgb'),
      { from: width, ...horizontal },
      { from: height, ...vertical },
      interpolator,
    );
    return await padded(cut, horizontal, vertical, { crop, background });
  } catch (error) {
    throw describeImageFailure(error);
  }
}

/** The square is turned upright after it is cut: turning the whole would take the memory of all its pixels. */
async function scale(
  { unturned, orientation, width, height, format }: OpenedImage,
  preprocessing: ImagePreprocessing,
): Promise<Uint8Array> {
  const { crop, kernel, background } = preprocessing;
  const stored = storedOrientation(orientation);
  const [ofWidth, ofHeight] = planCut(width, height, preprocessing);
  const [horizontal, vertical] = stored.turned ? [ofHeight, ofWidth] : [ofWidth, ofHeight];
  const startOf = ({ to, start, length }: Cut, isMirrored: boolean) =>
    isMirrored ? to - length - start : start;
  const [storedWidth, storedHeight] = stored.turned ? [height, width] : [width, height];
  const columns = { ...horizontal, start: startOf(horizontal, stored.mirroredX) };
  // JPEG and WebP are scaled down while they are decoded, but only where all of them is.
  const part = format !== 'jpeg' && format !== 'webp' ? planPart(storedWidth, columns) : undefined;
  const [left, right] = padding(horizontal, crop, stored.mirroredX);
  const [top, bottom] = padding(vertical, crop, stored.mirroredY);
  const plain = unturned.flatten({ background }).toColourspace('srgb');
  if (part) plain.extract({ left: part.first, top: 0, width: part.length, height: storedHeight });
  const { data } = await plain
    .resize(part?.to ?? columns.to, vertical.to, { fit: 'fill', kernel })
    .extract({
      left: part?.start ?? columns.start,
      top: startOf(vertical, stored.mirroredY),
      width: horizontal.length,
      height: vertical.length,
    })
    .extend({ left, right, top, bottom, background })
    .raw()
    .toUint8Array();
  return turnUpright(data, crop, stored);
}

/** A side that is scaled to so many pixels, of which `length` are cut from `start` on. */
export interface Cut {
  to: number;
  start: number;
  length: number;
}

/** Pixels of background on both sides of a cut that is shorter than the square. */
export function padding({ length }: Cut, crop: number, isMirrored = false): [number, number] {
  const before = Math.floor((crop - length) / 2);
  return isMirrored ? [crop - length - before, before] : [before, crop - length - before];
}

/** How the width and the height of an image are scaled, and what of them is cut. */
export function planCut(
  width: number,
  height: number,
  { shortSide, crop, fit, roundsDown }: ImagePreprocessing,
): [Cut, Cut] {
  const cutTo = (to: number): Cut => ({
    ...{ to, start: Math.max(0, Math.floor((to - crop) / 2)), length: Math.min(to, crop) },
  });
  if (fit === 'squash') return [cutTo(shortSide), cutTo(shortSide)];
  const round = roundsDown ? Math.floor : Math.round;
  if (fit === 'pad') {
    const ratio = shortSide / Math.max(width, height);
    const cut = (side: number) => cutTo(Math.min(shortSide, Math.max(1, round(side * ratio))));
    return [cut(width), cut(height)];
  }
  const ratio = shortSide / Math.min(width, height);
  const cut = (side: number) => cutTo(Math.max(shortSide, round(side * ratio)));
  return [cut(width), cut(height)];
}

/** Pixels beside the square that its own are made of as well, as it is scaled. */
const margin = 8;
/** Pixels further out among which a place is looked for. */
const searched = 64;

/**
 * The columns that the square is made of, where they are less than half of a wide image: libvips keeps rows of all that
 * it scales. They begin and end where a pixel of the scaled image does, to a few hundredths, so that the outcome is that of
 * the whole.
 * @returns the columns from `first` on, what they are scaled to, and where the square starts in that
 */
function planPart(from: number, { to, start, length: kept }: Cut) {
  const scale = from / to;
  const offGrid = (place: number) => Math.abs(place * scale - Math.round(place * scale));
  const best = (nearest: number, step: 1 | -1) =>
    Array.from({ length: searched }, (_, index) => nearest + step * index)
      .filter((place) => place >= 0 && place <= to)
      .reduce((chosen, place) => (offGrid(place) < offGrid(chosen) ? place : chosen));
  if (start < margin + searched || start + kept + margin + searched > to) return undefined;
  const [begin, end] = [best(start - margin, -1), best(start + kept + margin, 1)];
  const first = Math.round(begin * scale);
  const length = Math.round(end * scale) - first;
  return length < from / 2 ? { first, length, to: end - begin, start: start - begin } : undefined;
}

/** One side of an image that is enlarged from so many pixels and then cut. */
interface EnlargedSide extends Cut {
  from: number;
}

/** How far the bicubic kernel reaches, and one more pixel for what rounding does. */
const reach = 3;

/**
 * Enlarges an image with the centres of the pixels aligned, as Pillow does. sharp's own `resize` moves an enlarged
 * image by up to half a pixel of the original. Only what the square needs is enlarged.
 */
async function enlarge(
  image: Sharp,
  horizontal: EnlargedSide,
  vertical: EnlargedSide,
  interpolator: Interpolator,
): Promise<Uint8Array> {
  const [x, y] = [planSide(horizontal), planSide(vertical)];
  // The edge's pixels are repeated outwards: what lies beyond would otherwise be black.
  const { data, info } = await image
    .extract({ left: x.first, top: y.first, width: x.length, height: y.length })
    .extend({ left: reach, right: reach, top: reach, bottom: reach, extendWith: 'copy' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const enlarged = await sharp(data, { raw: { ...info, premultiplied: false } })
    .affine([x.scale, 0, 0, y.scale], { interpolator, odx: x.offset, ody: y.offset })
    .raw()
    .toBuffer({ resolveWithObject: true });
  // Pixel (0, 0) is that of the cut; to its right and below there may be more.
  const rowBytes = horizontal.length * enlarged.info.channels;
  const pixels = new Uint8Array(vertical.length * rowBytes);
  for (let row = 0; row < vertical.length; row++) {
    const start = row * enlarged.info.width * enlarged.info.channels;
    pixels.set(enlarged.data.subarray(start, start + rowBytes), row * rowBytes);
  }
  return pixels;
}

/**
 * The pixels that the square is made of, and where they go: pixel `i` of the original has its centre at
 * `scale · (i + ½) - ½` of the enlarged image.
 */
function planSide({ from, to, start, length: cut }: EnlargedSide) {
  const scale = to / from;
  const first = Math.max(0, Math.floor(start / scale) - reach);
  const end = Math.min(from, Math.ceil((start + cut) / scale) + reach);
  const offset = scale * (first - reach) + (scale - 1) / 2 - start;
  return { scale, first, length: end - first, offset };
}

/** A cut with background beside it, where it is shorter than the square. */
async function padded(
  pixels: Uint8Array,
  horizontal: Cut,
  vertical: Cut,
  { crop, background }: Pick<ImagePreprocessing, 'crop' | 'background'>,
): Promise<Uint8Array> {
  const [width, height] = [horizontal.length, vertical.length];
  if (width === crop && height === crop) return pixels;
  const [left, right] = padding(horizontal, crop);
  const [top, bottom] = padding(vertical, crop);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .extend({ left, right, top, bottom, background })
    .raw()
    .toUint8Array()
    .then(({ data }) => data);
}
