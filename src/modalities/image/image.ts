// Before anything reads a file.
import './thread-pool.ts';
import { basename } from 'node:path';
import { z } from 'zod';
import { type Tensors, uint8 } from '../../runtime/tensor.ts';
import { sha256OfFile } from '../../store/files/checksum.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import type { BatchShapes } from '../batch-shapes.ts';
import type { Preparation, PretrainedModality, ReadContent } from '../modality.ts';
import { conversionHint } from './formats.ts';
import { extractInlineImage, inlineImageBytes, isInlineImage } from './inline-images.ts';
import {
  decodingRevision,
  type ImagePart,
  type ImagePreprocessing,
  imagePart,
  imagePreprocessing,
  pixelsRevision,
} from './preprocessing.ts';

/** Black, 2 by 2 pixels, PNG. */
const blackImage = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAMAAABFaP0WAAAAA1BMVEUAAACnej3aAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAC0lEQVQImWNgAAEAAAYAAeaH/n8AAAAASUVORK5CYII=',
  'base64',
);

/** An image of an example. */
export interface ImageReference {
  /** Absolute path, links resolved. */
  path: string;
  /** sha256 of its bytes, hexadecimal; undefined before it is checked. */
  sha256?: string;
  /** 256 bits of how it looks, hexadecimal: near copies differ in few of them. */
  perceptualHash?: string;
}

const stored = z.object({ sha256: z.string().optional(), perceptualHash: z.string().optional() });
type StoredImage = z.infer<typeof stored>;

/**
 * Images: the bytes of an image file, or its path. They are prepared as pixels, [crop, crop, 3] bytes. libvips
 * is loaded when the first is decoded.
 */
export const image: PretrainedModality<
  'image',
  ImageReference,
  StoredImage,
  ImagePreprocessing,
  Uint8Array,
  ImagePart
> = {
  name: 'image',
  given: z.instanceof(Uint8Array, {
    error: 'it must be the bytes of an image file, as readFile gives them',
  }),
  noun: 'an image',
  column: 'file_name',
  otherColumns: [
    'filename',
    'image',
    'images',
    'img',
    'photo',
    'picture',
    'file',
    'path',
    'imagepath',
    'imagefile',
  ],
  addressColumns: ['imageurl', 'imageurls', 'imgurl', 'photourl', 'pictureurl', 'imagelink', 'imageaddress'],
  async fromCell(cell, findFile) {
    const found = await findFile(cell);
    return 'path' in found ? { reference: { path: found.path } } : found;
  },
  inline: { is: isInlineImage, extract: extractInlineImage, bytesOf: inlineImageBytes },
  extensions: ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'],
  unsupported: {
    extensions: ['.bmp', '.heic', '.heif', '.svg', '.jxl', '.jp2'],
    hint: conversionHint,
  },
  fromFile: async (path) => ({ reference: { path } }),
  inputOf: ({ path }) => path,
  identityOf: ({ path, sha256 }) => sha256 ?? path,
  sha256Of: ({ path, sha256 }) => sha256 ?? sha256OfFile(path),
  likenessOf: ({ path, sha256 }) => sha256 ?? path,
  looksOf: ({ perceptualHash }) => perceptualHash,
  subjectOf: ({ path }) => basename(path),
  check: checkFile,
  stored,
  store: ({ sha256, perceptualHash }) => ({ sha256, perceptualHash }),
  restore: (stored, path = '') => ({ path, ...stored }),
  file: { pathOf: ({ path }) => path, sha256Of: ({ sha256 }) => sha256 },
  unit: 'pixels',
  stage: 'decode',
  preprocessing: imagePreprocessing,
  revision: pixelsRevision,
  fineRevision: decodingRevision,
  // On a CPU more than a few images at once leave its caches and cost more each; a GPU is filled by many.
  budgets: { cpu: 4 * 224 ** 2, cuda: 64 * 224 ** 2 },
  // On the CPU an image gets the same features in any batch, bit by bit.
  batchItems: { cpu: 4, cuda: 32 },
  probe: blackImage,
  async sample() {
    const { sharp } = await import('./sharp.ts');
    return sharp({ create: { width: 320, height: 240, channels: 3, background: 'teal' } })
      .jpeg()
      .toBuffer();
  },
  async variety() {
    const { variedImages } = await import('./varied-images.ts');
    return variedImages();
  },
  isEmpty: () => false,
  part: imagePart,
  async open({ preprocessing, shapes }) {
    const [{ decodePixels }, { omitRegions }] = await Promise.all([
      import('./pixels.ts'),
      import('./regions.ts'),
    ]);
    return {
      prepare: (input, options) => decodePixels(input, preprocessing, options),
      omit: (input, options) => omitRegions(input, preprocessing, options),
      ...costs(preprocessing.crop, shapes),
    };
  },
};

/** Decodes an image, small, and hashes its bytes and its looks. */
async function checkFile({ path }: ImageReference): Promise<ReadContent<ImageReference>> {
  const [{ describeImageFailure }, { decodeImageInTurn }, { perceptualHash: hashLooks }] = await Promise.all([
    import('./decode.ts'),
    import('./decode-queue.ts'),
    import('./perceptual-hash.ts'),
  ]);
  try {
    const [perceptualHash, sha256] = await Promise.all([
      decodeImageInTurn(path, ({ image }) => hashLooks(image)),
      sha256OfFile(path),
    ]);
    return { reference: { path, sha256, perceptualHash } };
  } catch (error) {
    const problem = problemOfPermissions(error) ?? describeImageFailure(error).message;
    return { problem: `the image cannot be used: ${problem}` };
  }
}

function costs(crop: number, shapes: BatchShapes): Omit<Preparation<Uint8Array>, 'prepare' | 'omit'> {
  return {
    release: (pixels) => void (pixels.buffer as ArrayBuffer).transfer(0),
    costOf: () => crop * crop,
    paddedCostOf: () => crop * crop,
    // Images all cost the same: none is padded for another.
    overhead: 0,
    fitBudget: (budget) => shapes.budget(budget, crop * crop),
    join: (images) => joinPixels(images, crop, shapes.rows(images.length)),
    async close() {},
  };
}

/** Images one below the other; rows without one are black. */
function joinPixels(images: readonly Uint8Array[], crop: number, rows: number): Tensors {
  const pixels = new Uint8Array(rows * crop * crop * 3);
  for (const [index, image] of images.entries()) pixels.set(image, index * crop * crop * 3);
  return { pixels: uint8([rows, crop, crop, 3], pixels) };
}
