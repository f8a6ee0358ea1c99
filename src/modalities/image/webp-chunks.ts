import { type ReadBytes, withBytes } from './positional.ts';

/** What the chunks of a WebP file say of how it is decoded (RFC 9649). */
export interface WebpChunks {
  /** All of them, each frame of an animation one. */
  chunks: number;
  /** Frames of an animation; 0 of a still image. */
  frames: number;
  /** A lossy still image without alpha, which is decoded row by row. */
  isSimple: boolean;
}

const headerBytes = 8;
/** Bytes of the file's own header: `RIFF`, a size, `WEBP`. */
const fileHeaderBytes = 12;

/**
 * Goes over the chunks of a WebP file, as far as its end or until there are more than asked for. libvips asks for each
 * frame of an animation, and libwebp goes over all those before to find it: the square of their number.
 * @param input the bytes of the file, or its path
 * @param enough chunks after which it is read no further
 * @returns undefined where the file is no WebP
 * @throws what reading the file throws
 * @example await readWebpChunks(webp, 2000) // { chunks: 3, frames: 0, isSimple: false }
 */
export function readWebpChunks(input: Uint8Array | string, enough: number): Promise<WebpChunks | undefined> {
  return withBytes(input, (read) => walk(read, enough));
}

async function walk(read: ReadBytes, enough: number): Promise<WebpChunks | undefined> {
  const header = await read(0, fileHeaderBytes);
  if (!/^RIFF.{4}WEBP$/s.test(header.toString('latin1'))) return undefined;
  const end = headerBytes + header.readUInt32LE(4);
  const found: WebpChunks = { chunks: 0, frames: 0, isSimple: false };
  for (let place = fileHeaderBytes; place < end && found.chunks <= enough; ) {
    const chunk = await read(place, place + headerBytes);
    if (chunk.length < headerBytes) break;
    const name = chunk.toString('latin1', 0, 4);
    if (name === 'ANMF') found.frames++;
    if (found.chunks === 0) found.isSimple = name === 'VP8 ';
    found.chunks++;
    const size = chunk.readUInt32LE(4);
    // A byte is added to one of an odd size.
    place += headerBytes + size + (size % 2);
  }
  return found;
}
