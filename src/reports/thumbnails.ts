import type { OpenedImage } from '../modalities/image/decode.ts';
import { decodeImageInTurn } from '../modalities/image/decode-queue.ts';

export interface Thumbnail {
  /** A data URL. */
  url: string;
  width: number;
  height: number;
}

const side = 96;
const quality = 70;

/**
 * A small WebP image of a file, as a data URL.
 * @throws TandemError `invalid-image`
 */
export function makeThumbnail(file: string): Promise<Thumbnail> {
  return decodeImageInTurn(file, scaleDown);
}

async function scaleDown({ image }: OpenedImage): Promise<Thumbnail> {
  const { data, info } = await image
    .resize(side, side, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality })
    .toBuffer({ resolveWithObject: true });
  return { url: `data:image/webp;base64,${data.toString('base64')}`, width: info.width, height: info.height };
}
