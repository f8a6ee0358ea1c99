import { createReadStream } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { itemAt } from '../../indexing.ts';

/** Bytes that are looked at in one go: a millisecond's work. */
const pieceBytes = 2 ** 20;

/**
 * Counts the scans of a JPEG file by its markers (ITU-T T.81, B.1.1.2), as far as its end or as many as are asked for.
 * A decoder goes over the whole image once for each of them, however few bytes it has.
 * @param input the bytes of the file, or its path
 * @param enough the file is read no further than to the piece with which there are more
 * @throws what reading the file throws
 * @example await countScans(jpeg, 100) // 10
 */
export async function countScans(input: Uint8Array | string, enough: number): Promise<number> {
  return (await readMarkers(input, enough)).scans;
}

/**
 * Bytes of all the coefficients of a JPEG, as its frame header has them (ITU-T T.81, B.2.2): a decoder keeps them where
 * the file has several scans.
 * @throws what reading the file throws
 * @example await countCoefficientBytes(jpeg) // 150e6 for 50 megapixels at 4:2:0
 */
export async function countCoefficientBytes(input: Uint8Array | string): Promise<number> {
  return coefficientBytesOf((await readMarkers(input, 0)).frame);
}

async function readMarkers(input: Uint8Array | string, enoughScans: number): Promise<MarkerReader> {
  const reader = new MarkerReader();
  const pieces = typeof input === 'string' ? createReadStream(input) : piecesOf(input);
  for await (const piece of pieces) {
    reader.read(piece);
    if (reader.ended || reader.scans > enoughScans) break;
  }
  return reader;
}

const side = 8;
const bytesOfBlock = 2 * side ** 2;

function coefficientBytesOf(frame: readonly number[]): number {
  // Of a file without a whole frame header nothing is known.
  if (frame.length < 6) return Number.POSITIVE_INFINITY;
  const sizeAt = (place: number) => itemAt(frame, place) * 256 + itemAt(frame, place + 1);
  const [height, width] = [sizeAt(1), sizeAt(3)];
  const components = frame.slice(6);
  const factors = components
    .filter((_, index) => index % 3 === 1)
    .map((both) => ({ horizontal: both >> 4, vertical: both & 15 }));
  // A block is kept for every place of the interleaved units, which may reach beyond the image.
  const columns = Math.ceil(width / (side * Math.max(1, ...factors.map(({ horizontal }) => horizontal))));
  const rows = Math.ceil(height / (side * Math.max(1, ...factors.map(({ vertical }) => vertical))));
  const blocks = factors.reduce((sum, { horizontal, vertical }) => sum + horizontal * vertical, 0);
  return bytesOfBlock * columns * rows * blocks;
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    if (start > 0) await nextTurn();
    yield bytes.subarray(start, start + pieceBytes);
  }
}

const marker = {
  startOfScan: 0xda,
  endOfImage: 0xd9,
  /** Stands for the byte 0xff in a scan's data. */
  stuffing: 0x00,
  temporary: 0x01,
  firstRestart: 0xd0,
  startOfImage: 0xd8,
};

/** Whether a length and that many bytes follow a marker. */
function hasLength(code: number): boolean {
  if (code === marker.stuffing || code === marker.temporary) return false;
  return code < marker.firstRestart || code > marker.startOfImage;
}

/** Whether a frame header follows a marker (ITU-T T.81, table B.1). */
function isFrame(code: number): boolean {
  // Among them are the tables' markers, DHT, JPG and DAC.
  return code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code);
}

/** Goes from marker to marker over a file that comes in pieces. */
class MarkerReader {
  scans = 0;
  /** The content of the first frame header. */
  readonly frame: number[] = [];
  /** The end of the image was read. */
  ended = false;
  /** What the next byte is: data or the 0xff before a marker, a marker's code, or a byte of a segment's length. */
  #next: 'data' | 'code' | 'length' | 'length end' = 'data';
  #length = 0;
  /** The segment is the first frame header. */
  #inFrame = false;
  /** Bytes of a segment that are not looked at. */
  #skip = 0;

  read(piece: Uint8Array): void {
    let place = 0;
    for (let byte = piece[place]; byte !== undefined && !this.ended; byte = piece[place]) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, piece.length - place);
        if (this.#inFrame) this.frame.push(...piece.subarray(place, place + skipped));
        this.#skip -= skipped;
        place += skipped;
      } else if (this.#next === 'data') {
        while (place < piece.length && piece[place] !== 0xff) place++;
        if (place++ < piece.length) this.#next = 'code';
      } else {
        place++;
        this.#readOne(byte);
      }
    }
  }

  #readOne(byte: number): void {
    switch (this.#next) {
      case 'code':
        // Any number of 0xff may stand before a code.
        if (byte === 0xff) return;
        if (byte === marker.startOfScan) this.scans++;
        this.#inFrame = isFrame(byte) && this.frame.length === 0;
        this.ended = byte === marker.endOfImage;
        this.#next = hasLength(byte) ? 'length' : 'data';
        return;
      case 'length':
        this.#length = byte << 8;
        this.#next = 'length end';
        return;
      default:
        // The length counts its own two bytes.
        this.#skip = Math.max(0, this.#length + byte - 2);
        this.#next = 'data';
    }
  }
}
