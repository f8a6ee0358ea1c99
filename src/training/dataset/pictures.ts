import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { describePictureFailure, openPicture } from '../../inference/picture.ts';
import { concurrently } from './concurrently.ts';
import type { Example, FoundExample } from './example.ts';
import type { Problems } from './problems.ts';

const atOnce = 4;

type CheckedExample = Example & FoundExample;

/**
 * Opens every picture's header and hashes its bytes, which never stand in memory as a whole. The pixels are not
 * decoded here: a file that breaks off in its middle is found when its features are computed.
 */
export async function checkPictures(found: FoundExample[], problems: Problems): Promise<CheckedExample[]> {
  const outcomes = await concurrently(found, atOnce, async ({ image }) => {
    if (image === undefined) return {};
    try {
      await openPicture(image);
      return { imageHash: await hashFile(image) };
    } catch (error) {
      return { problem: describePictureFailure(error).message };
    }
  });
  // In order of the rows, whichever picture was checked first.
  return found.map((example, index) => {
    const { imageHash, problem } = outcomes[index];
    if (problem) problems.add(example.at, `the picture cannot be used: ${problem}`);
    return imageHash ? { ...example, imageHash } : example;
  });
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
