import pMap from 'p-map';
import { describePictureFailure } from '../../modalities/image/decode.ts';
import { decodePictureInTurn } from '../../modalities/image/decode-queue.ts';
import { sha256OfFile } from '../../store/files/checksum.ts';
import type { Example, FoundExample } from '../example.ts';
import { problemOfPermissions } from '../read/permissions.ts';
import type { Problems } from '../read/problems.ts';
import { perceptualHash } from './perceptual-hash.ts';

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
  const byPath = new Map<string, Outcome>();
  let done = 0;
  const files = new Map<string, number>();
  for (const { image } of found) {
    if (image === undefined) done++;
    else files.set(image, (files.get(image) ?? 0) + 1);
  }
  if (done > 0) onProgress?.(done, found.length);
  const check = async ([image, examples]: [string, number]) => {
    byPath.set(image, await checkPicture(image));
    done += examples;
    onProgress?.(done, found.length);
  };
  await pMap(files, check, { concurrency: atOnce });
  // In order of the rows, whichever picture was checked first.
  return found.map((example) => {
    if (example.image === undefined) return example;
    const { problem, ...hashes } = byPath.get(example.image)!;
    if (problem) problems.add(example.at, `the picture cannot be used: ${problem}`);
    return { ...example, ...hashes };
  });
}

async function checkPicture(image: string): Promise<Outcome> {
  try {
    const [looks, imageHash] = await Promise.all([
      decodePictureInTurn(image, ({ picture }) => perceptualHash(picture)),
      sha256OfFile(image),
    ]);
    return { imageHash, perceptualHash: looks };
  } catch (error) {
    return { problem: problemOfPermissions(error) ?? describePictureFailure(error).message };
  }
}
