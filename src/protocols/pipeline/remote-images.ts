import pMap from 'p-map';
import { TandemError } from '../../errors.ts';
import type { PredictionInput } from '../../heads/prediction.ts';
import type { ReadInput } from './read-input.ts';

/** Fetches the bytes at an address that a caller gave. It throws TandemError `remote-file`. */
export type FetchPicture = (address: string, signal: AbortSignal) => Promise<Uint8Array>;

/** Pictures of one request that are fetched at the same time. */
const fetchedAtOnce = 8;

export interface RemotePictureOptions {
  /** Absent where this server fetches nothing: an address is then `remote-disabled`. */
  fetchPicture: FetchPicture | undefined;
  /** Most bytes of all pictures of the request together; one that comes after is `remote-file`. */
  maximumBytes: number;
  signal: AbortSignal;
}

/** The items with their pictures. One whose picture cannot be fetched becomes its error, and no other does. */
export function withPictures(
  inputs: readonly (ReadInput | TandemError)[],
  { fetchPicture, maximumBytes, signal }: RemotePictureOptions,
): Promise<(PredictionInput | TandemError)[]> {
  let bytes = 0;
  return pMap(
    inputs,
    async (input) => {
      if (input instanceof TandemError || input.imageUrl === undefined) return input;
      const { imageUrl, content } = input;
      if (!fetchPicture)
        return new TandemError('remote-disabled', 'imageUrl: this server fetches no addresses');
      try {
        if (bytes < maximumBytes) {
          const image = await fetchPicture(imageUrl, signal);
          bytes += image.length;
          if (bytes <= maximumBytes) return { content: { ...content, image } };
        }
        return new TandemError(
          'remote-file',
          `imageUrl: the pictures of one request may have ${maximumBytes} bytes together; ask for this one in another`,
        );
      } catch (error) {
        if (error instanceof TandemError && !signal.aborted) return error;
        throw error;
      }
    },
    { concurrency: fetchedAtOnce },
  );
}
