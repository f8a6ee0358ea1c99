import { TandemError } from '../../errors.ts';
import type { PredictionInput } from '../../inference/prediction.ts';
import type { ReadInput } from './prediction-request.ts';

/** Fetches the bytes at an address that a caller gave. It throws TandemError `remote-file`. */
export type FetchPicture = (address: string, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * The items with their pictures. One whose picture cannot be fetched becomes its error, and no other does.
 * @param fetchPicture absent where this server fetches nothing: an address is then `remote-disabled`
 */
export function withPictures(
  inputs: readonly (ReadInput | TandemError)[],
  fetchPicture: FetchPicture | undefined,
  signal: AbortSignal,
): Promise<(PredictionInput | TandemError)[]> {
  return Promise.all(
    inputs.map(async (input) => {
      if (input instanceof TandemError || input.imageUrl === undefined) return input;
      const { imageUrl, text } = input;
      if (!fetchPicture)
        return new TandemError('remote-disabled', 'imageUrl: this server fetches no addresses');
      try {
        return { image: await fetchPicture(imageUrl, signal), text };
      } catch (error) {
        if (error instanceof TandemError && !signal.aborted) return error;
        throw error;
      }
    }),
  );
}
