import type { ImageEncoderManifest } from './encoder-manifest.ts';
import { describePictureFailure, openPicture } from './picture.ts';

/**
 * Decodes a picture into an encoder's input: RGB, rows from the top, [crop, crop, 3] bytes. Normalisation is the
 * graph's. sharp does all of it, because its resizing agrees with Pillow's to 0.2 of 255.
 * @param input the bytes of a JPEG, PNG or WebP file, or its path
 * @throws TandemError `invalid-picture`, `picture-too-large`, `picture-too-small`
 */
export async function decodePixels(
  input: Uint8Array | string,
  { shortSide, crop, kernel, background }: ImageEncoderManifest['preprocessing'],
): Promise<Uint8Array> {
  const { picture, width, height } = await openPicture(input);
  const ratio = shortSide / Math.min(width, height);
  const scaledWidth = Math.max(shortSide, Math.round(width * ratio));
  const scaledHeight = Math.max(shortSide, Math.round(height * ratio));
  try {
    return await picture
      .resize(scaledWidth, scaledHeight, { fit: 'fill', kernel })
      .extract({
        left: Math.floor((scaledWidth - crop) / 2),
        top: Math.floor((scaledHeight - crop) / 2),
        width: crop,
        height: crop,
      })
      .flatten({ background })
      .toColourspace('srgb')
      .raw()
      .toBuffer();
  } catch (error) {
    throw describePictureFailure(error);
  }
}
