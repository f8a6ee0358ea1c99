import type { OpenedPicture } from '../modalities/image/decode.ts';
import { decodePictureInTurn } from '../modalities/image/decode-queue.ts';

export interface Thumbnail {
  /** A data URL. */
  url: string;
  width: number;
  height: number;
}

const side = 96;
const quality = 70;

/**
 * A small WebP picture of a file, as a data URL.
 * @throws TandemError `invalid-picture`
 */
export function makeThumbnail(file: string): Promise<Thumbnail> {
  return decodePictureInTurn(file, scaleDown);
}

async function scaleDown({ picture }: OpenedPicture): Promise<Thumbnail> {
  const { data, info } = await picture
    .resize(side, side, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality })
    .toBuffer({ resolveWithObject: true });
  return { url: `data:image/webp;base64,${data.toString('base64')}`, width: info.width, height: info.height };
}
