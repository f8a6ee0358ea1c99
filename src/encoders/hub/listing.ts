import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { issuesInOneLine } from '../../schema-words.ts';
import { DownloadError } from './download-error.ts';
import { askHub, type Hub } from './hub.ts';
import { idOf, isCommit, type ModelName } from './model-name.ts';
import { retrying } from './retrying.ts';

/** A file's path in a model: no other folder is reached by it. */
const fileName = z
  .string()
  .max(500)
  .refine(
    (name) =>
      !/[\\\0:]/.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    'it is a path outside the model’s folder',
  );

const listingSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: fileName,
      size: z.int().nonnegative().nullish(),
      /** Git's own hash: sha1 of the size and the content. */
      blobId: z
        .string()
        .regex(/^[0-9a-f]{40}$/)
        .nullish(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).nullish(),
    }),
  ),
});

/** A file of a model, as the hub describes it. */
export interface HubFile {
  name: string;
  bytes?: number;
  sha256?: string;
  /** Git's hash of what Git LFS doesn't keep. */
  blob?: string;
}

/** The files of a model at a commit. */
export interface Listing {
  commit: string;
  files: HubFile[];
}

/**
 * Asks the hub for the files of a model. A branch or tag is resolved to the commit that it stands for now.
 * @throws DownloadError; also where the answer names paths outside the model's folder
 * @example const { commit } = await listFiles(hub, { owner: 'Xenova', name: 'bge-small-en-v1.5' }, signal);
 */
export async function listFiles(hub: Hub, model: ModelName, signal: AbortSignal): Promise<Listing> {
  const { revision = 'main' } = model;
  const what = `${idOf(model)}@${revision}`;
  const path = `/api/models/${idOf(model)}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const body = await retrying(hub, signal, async () => {
    const { response } = await askHub(hub, path, { what, signal });
    return text(response).catch((cause) => {
      throw new DownloadError(`${what}: the list of its files broke off`, { cause, again: true });
    });
  });
  const listing = parseListing(body, what);
  if (isCommit(revision) && listing.commit !== revision)
    throw new DownloadError(`${what}: the hub answers with the commit ${listing.commit} instead`);
  return listing;
}

function parseListing(body: string, what: string): Listing {
  try {
    const { sha, siblings } = listingSchema.parse(JSON.parse(body));
    return {
      commit: sha,
      files: siblings.map(({ rfilename, size, blobId, lfs }) => ({
        name: rfilename,
        ...(lfs
          ? { bytes: lfs.size, sha256: lfs.sha256 }
          : { bytes: size ?? undefined, blob: blobId ?? undefined }),
      })),
    };
  } catch (cause) {
    const detail = cause instanceof z.ZodError ? issuesInOneLine(cause, 'it') : (cause as Error).message;
    throw new DownloadError(`${what}: the list of its files cannot be read: ${detail}`, {
      cause,
      fix: 'Check the address that --hub or HF_ENDPOINT names: it must be a hub, or a mirror of one.',
    });
  }
}
