import { type ReadBytes, withBytes } from './positional.ts';

/** What the first directory of a TIFF file says of how it is decoded (TIFF 6.0), and how many pages there are. */
export interface TiffDirectory {
  /** All of them, or one more than asked for. */
  pages: number;
  /** Samples of a pixel lie in planes of their own. */
  isPlanar: boolean;
  compression: number;
  /** Rows of a strip; all of the image's where it doesn't say. */
  rowsPerStrip: number;
  /** Of a tile, where it has tiles. */
  tile?: { width: number; height: number };
}

/** Where a directory lies, how many entries it has, and how long each is: 12 bytes, or 20 in files over 4 GiB. */
interface Layout {
  isLittle: boolean;
  isBig: boolean;
}

const tags = {
  compression: 259,
  rowsPerStrip: 278,
  planar: 284,
  tileWidth: 322,
  tileHeight: 323,
} as const;
const separatePlanes = 2;

/**
 * Reads the first directory of a TIFF file, and follows the chain of the others.
 * @param input the bytes of the file, or its path
 * @param enough pages after which it is read no further
 * @returns undefined where the file is no TIFF
 * @throws what reading the file throws
 * @example (await readTiffDirectory(bytes, 1000))?.pages // 1
 */
export function readTiffDirectory(
  input: Uint8Array | string,
  enough: number,
): Promise<TiffDirectory | undefined> {
  return withBytes(input, async (read) => {
    const header = await read(0, 16);
    const layout = layouts[header.toString('latin1', 0, 4)];
    if (!layout || header.length < 8) return undefined;
    let place = layout.isBig ? long(header, 8, layout) : long(header, 4, layout);
    let first: TiffDirectory | undefined;
    let pages = 0;
    for (; place > 0 && pages <= enough; pages++) {
      const found = await readDirectory(read, place, layout);
      if (!found) break;
      first ??= found.directory;
      place = found.next;
    }
    return first && { ...first, pages };
  });
}

const layouts: Readonly<Record<string, Layout>> = {
  'II*\0': { isLittle: true, isBig: false },
  'MM\0*': { isLittle: false, isBig: false },
  'II+\0': { isLittle: true, isBig: true },
  'MM\0+': { isLittle: false, isBig: true },
};

async function readDirectory(read: ReadBytes, place: number, layout: Layout) {
  const [countBytes, entryBytes, nextBytes] = layout.isBig ? [8, 20, 8] : [2, 12, 4];
  const counted = await read(place, place + countBytes);
  if (counted.length < countBytes) return undefined;
  const count = layout.isBig ? long(counted, 0, layout) : short(counted, 0, layout);
  if (count > 65_535) return undefined;
  const start = place + countBytes;
  const bytes = await read(start, start + count * entryBytes + nextBytes);
  if (bytes.length < count * entryBytes + nextBytes) return undefined;
  const values = new Map<number, number>();
  for (let entry = 0; entry < count; entry++) {
    const at = entry * entryBytes;
    values.set(short(bytes, at, layout), readValue(bytes, at, layout));
  }
  const [width, height] = [values.get(tags.tileWidth), values.get(tags.tileHeight)];
  const directory: TiffDirectory = {
    pages: 0,
    isPlanar: values.get(tags.planar) === separatePlanes,
    compression: values.get(tags.compression) ?? 1,
    rowsPerStrip: values.get(tags.rowsPerStrip) ?? Number.POSITIVE_INFINITY,
    ...(width !== undefined && height !== undefined && { tile: { width, height } }),
  };
  return { directory, next: long(bytes, count * entryBytes, layout) };
}

/** The value of an entry that is one number of 16 or 32 bits, as those that are asked for are. */
function readValue(bytes: Buffer, entry: number, layout: Layout): number {
  const at = entry + (layout.isBig ? 12 : 8);
  const isShort = short(bytes, entry + 2, layout) === 3;
  return isShort ? short(bytes, at, layout) : longOf32(bytes, at, layout);
}

function short(bytes: Buffer, at: number, { isLittle }: Layout): number {
  return isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

function longOf32(bytes: Buffer, at: number, { isLittle }: Layout): number {
  return isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

/** An offset: 32 bits, or 64 in files over 4 GiB. */
function long(bytes: Buffer, at: number, layout: Layout): number {
  if (!layout.isBig) return longOf32(bytes, at, layout);
  return Number(layout.isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
}
