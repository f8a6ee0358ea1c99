import pMap from 'p-map';
import { decodeInTurn } from '../../inference/decode-queue.ts';
import { describePictureFailure, openPicture } from '../../inference/picture.ts';
import { sha256OfFile } from '../../store/files/checksum.ts';
import type { Example, FoundExample } from './example.ts';
import { perceptualHash } from './perceptual-hash.ts';
import type { Problems } from './problems.ts';

const atOnce = 4;

type CheckedExample = Example & FoundExample;
type Outcome = Pick<Example, 'imageHash' | 'perceptualHash'> & { problem?: string };

/**
 * Decodes every picture once, small, and hashes its bytes and its looks. A file that several rows name is read once.
 * @param onProgress counts the examples
 */
export async function checkPictures(
  found: FoundExample[],
  problems: Problems,
  onProgress?: (done: number, total: number) => void,
): Promise<CheckedExample[]> {
  const byPath = new Map<string, Promise<Outcome>>();
  let done = 0;
  const check = async ({ image }: FoundExample) => {
    const known: Outcome | Promise<Outcome> =
      image === undefined ? {} : (byPath.get(image) ?? checkPicture(image));
    if (image !== undefined) byPath.set(image, Promise.resolve(known));
    const outcome = await known;
    onProgress?.(++done, found.length);
    return outcome;
  };
  const outcomes = await pMap(found, check, { concurrency: atOnce });
  // In order of the rows, whichever picture was checked first.
  return found.map((example, index) => {
    const { problem, ...hashes } = outcomes[index];
    if (problem) problems.add(example.at, `the picture cannot be used: ${problem}`);
    return { ...example, ...hashes };
  });
}

async function checkPicture(image: string): Promise<Outcome> {
  try {
    const [looks, imageHash] = await Promise.all([
      decodeInTurn(async () => perceptualHash((await openPicture(image)).picture)),
      sha256OfFile(image),
    ]);
    return { imageHash, perceptualHash: looks };
  } catch (error) {
    return { problem: describePictureFailure(error).message };
  }
}
