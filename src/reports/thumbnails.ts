import type { Example } from '../datasets/example.ts';
import type { OpenedPicture } from '../modalities/image/decode.ts';
import { decodePictureInTurn } from '../modalities/image/decode-queue.ts';

export interface Thumbnail {
  /** A data URL. */
  url: string;
  width: number;
  height: number;
}

export type Thumbnails = ReadonlyMap<Example, Thumbnail>;

const side = 96;
const quality = 70;
const atOnce = 4;

/** Small pictures of the examples. One whose picture cannot be read, or that has none, is left out. */
export async function makeThumbnails(examples: Iterable<Example>): Promise<Thumbnails> {
  const thumbnails = new Map<Example, Thumbnail>();
  const queue = new Set(examples).values();
  const work = async () => {
    for (const example of queue) {
      const thumbnail = example.image && (await makeThumbnail(example.image).catch(() => undefined));
      if (thumbnail) thumbnails.set(example, thumbnail);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return thumbnails;
}

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
