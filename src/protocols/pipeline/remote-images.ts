import pMap from 'p-map';
import { TandemError } from '../../errors.ts';
import type { PredictionInput } from '../../heads/prediction.ts';
import type { ReadInput } from './read-input.ts';

/** Fetches the bytes at an address that a caller gave. It throws TandemError `remote-file`. */
export type FetchImage = (address: string, signal: AbortSignal) => Promise<Uint8Array>;

/** Images of one request that are fetched at the same time. */
const fetchedAtOnce = 8;

export interface RemoteImageOptions {
  /** Absent where this server fetches nothing: an address is then `remote-disabled`. */
  fetchImage: FetchImage | undefined;
  /** Most bytes of all images of the request together; one that comes after is `remote-file`. */
  maximumBytes: number;
  signal: AbortSignal;
}

/** The items with their images. One whose image cannot be fetched becomes its error, and no other does. */
export function withImages(
  inputs: readonly (ReadInput | TandemError)[],
  { fetchImage, maximumBytes, signal }: RemoteImageOptions,
): Promise<(PredictionInput | TandemError)[]> {
  let bytes = 0;
  return pMap(
    inputs,
    async (input) => {
      if (input instanceof TandemError || input.imageUrl === undefined) return input;
      const { imageUrl, content } = input;
      if (!fetchImage)
        return new TandemError('remote-disabled', 'imageUrl: this server fetches no addresses');
      try {
        if (bytes < maximumBytes) {
          const image = await fetchImage(imageUrl, signal);
          bytes += image.length;
          if (bytes <= maximumBytes) return { content: { ...content, image } };
        }
        return new TandemError(
          'remote-file',
          `imageUrl: the images of one request may have ${maximumBytes} bytes together; ask for this one in another`,
        );
      } catch (error) {
        if (error instanceof TandemError && !signal.aborted) return error;
        throw error;
      }
    },
    { concurrency: fetchedAtOnce },
  );
}
