import type { Sharp } from 'sharp';
import type { ImageEncoderManifest } from './encoder-manifest.ts';
import { describePictureFailure, openPicture } from './picture.ts';
import { sharp } from './sharp.ts';

/**
 * Decodes a picture into an encoder's input: RGB, rows from the top, [crop, crop, 3] bytes. Normalisation is the
 * graph's. sharp does all of it, because its resizing agrees with Pillow's to 0.2 of 255.
 * @param input the bytes of a JPEG, PNG or WebP file, or its path
 * @throws TandemError `invalid-picture`, `picture-too-large`, `picture-too-small`, `picture-too-complex`
 */
export async function decodePixels(
  input: Uint8Array | string,
  { shortSide, crop, kernel, background }: ImageEncoderManifest['preprocessing'],
): Promise<Uint8Array> {
  const { picture, width, height } = await openPicture(input);
  const ratio = shortSide / Math.min(width, height);
  const scaledWidth = Math.max(shortSide, Math.round(width * ratio));
  const scaledHeight = Math.max(shortSide, Math.round(height * ratio));
  const left = Math.floor((scaledWidth - crop) / 2);
  const top = Math.floor((scaledHeight - crop) / 2);
  const plain = picture.flatten({ background }).toColourspace('srgb');
  try {
    if (ratio > 1 && kernel === 'cubic')
      return await enlarge(
        plain,
        { from: width, to: scaledWidth, start: left },
        { from: height, to: scaledHeight, start: top },
        crop,
      );
    const { data } = await plain
      .resize(scaledWidth, scaledHeight, { fit: 'fill', kernel })
      .extract({ left, top, width: crop, height: crop })
      .raw()
      .toUint8Array();
    return data;
  } catch (error) {
    throw describePictureFailure(error);
  }
}

/** One side of a picture that is enlarged and then cut: from so many pixels to so many, of which those from `start` on. */
interface EnlargedSide {
  from: number;
  to: number;
  start: number;
}

/** How far the bicubic kernel reaches, and one more pixel for what rounding does. */
const reach = 3;

/**
 * Enlarges a picture with the centres of the pixels aligned, as Pillow does. sharp's own `resize` moves an enlarged
 * picture by up to half a pixel of the original. Only what the square needs is enlarged.
 */
async function enlarge(
  picture: Sharp,
  horizontal: EnlargedSide,
  vertical: EnlargedSide,
  crop: number,
): Promise<Uint8Array> {
  const [x, y] = [horizontal, vertical].map((side) => planSide(side, crop));
  // The edge's pixels are repeated outwards: what lies beyond would otherwise be black.
  const { data, info } = await picture
    .extract({ left: x.first, top: y.first, width: x.length, height: y.length })
    .extend({ left: reach, right: reach, top: reach, bottom: reach, extendWith: 'copy' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const enlarged = await sharp(data, { raw: { ...info, premultiplied: false } })
    .affine([x.scale, 0, 0, y.scale], { interpolator: 'bicubic', odx: x.offset, ody: y.offset })
    .raw()
    .toBuffer({ resolveWithObject: true });
  // Pixel (0, 0) is that of the square; to its right and below there may be more.
  const rowBytes = crop * enlarged.info.channels;
  const pixels = new Uint8Array(crop * rowBytes);
  for (let row = 0; row < crop; row++) {
    const start = row * enlarged.info.width * enlarged.info.channels;
    pixels.set(enlarged.data.subarray(start, start + rowBytes), row * rowBytes);
  }
  return pixels;
}

/**
 * The pixels that the square is made of, and where they go: pixel `i` of the original has its centre at
 * `scale · (i + ½) - ½` of the enlarged picture.
 */
function planSide({ from, to, start }: EnlargedSide, crop: number) {
  const scale = to / from;
  const first = Math.max(0, Math.floor(start / scale) - reach);
  const end = Math.min(from, Math.ceil((start + crop) / scale) + reach);
  const offset = scale * (first - reach) + (scale - 1) / 2 - start;
  return { scale, first, length: end - first, offset };
}
