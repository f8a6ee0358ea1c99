import { itemAt } from '../../indexing.ts';
import type { Omission, OmissionOptions } from '../modality.ts';
import { decodeImageInTurn } from './decode-queue.ts';
import { type Cut, cutSquare, padding, planCut } from './pixels.ts';
import { type ImagePart, type ImagePreprocessing, imagePart } from './preprocessing.ts';

/** Cells of a side of the finest grid. */
const mostCells = 8;

/**
 * Lays a grid over what the encoder sees of an image, and paints over each cell with the mean colour of all of it
 * (occlusion, Zeiler and Fergus 2014).
 * @param options the grid is square, and has up to `most` cells, 64 at most; `parts`: those cells instead, as far as this
 *   encoder sees them
 * @throws as `decodePixels`
 * @example const [{ part, without }] = await omitRegions(bytes, preprocessing, { most: 16 }); // { x: 0, y: 0, … }
 */
export async function omitRegions(
  input: Uint8Array | string,
  preprocessing: ImagePreprocessing,
  { most, parts, signal }: OmissionOptions,
): Promise<Omission<ImagePart, Uint8Array>[]> {
  const { crop } = preprocessing;
  const { pixels, horizontal, vertical } = await decodeImageInTurn(
    input,
    async (opened) => {
      const [horizontal, vertical] = planCut(opened.width, opened.height, preprocessing);
      return { pixels: await cutSquare(opened, preprocessing), horizontal, vertical };
    },
    { signal, mayWait: true },
  );
  // Background beside the image is no part of it.
  const [[left], [top]] = [padding(horizontal, crop), padding(vertical, crop)];
  const moved = ({ from, to }: Span, by: number): Span => ({ from: from + by, to: to + by });
  const colour = meanColour(pixels, {
    crop,
    rows: moved({ from: 0, to: vertical.length }, top),
    columns: moved({ from: 0, to: horizontal.length }, left),
  });
  const cut = { horizontal, vertical };
  const cells = parts
    ? parts.map((part) => placed(imagePart.parse(part), cut))
    : gridOver(cut, Math.max(1, Math.min(mostCells, Math.floor(Math.sqrt(most)))));
  return cells.map(({ part, rows, columns }) => ({
    part,
    without: () => painted(pixels, { crop, rows: moved(rows, top), columns: moved(columns, left), colour }),
  }));
}

/** A part of an image, and where it lies in what the encoder sees of it. */
interface Cell {
  part: ImagePart;
  rows: Span;
  columns: Span;
}

/** What an encoder sees of an image. */
interface Seen {
  horizontal: Cut;
  vertical: Cut;
}

function gridOver({ horizontal, vertical }: Seen, cells: number): Cell[] {
  const spansOf = (length: number) =>
    Array.from({ length: cells }, (_, cell) => ({
      from: Math.round((cell * length) / cells),
      to: Math.round(((cell + 1) * length) / cells),
    }));
  return spansOf(vertical.length).flatMap((rows) =>
    spansOf(horizontal.length).map((columns) => ({
      part: {
        x: (horizontal.start + columns.from) / horizontal.to,
        y: (vertical.start + rows.from) / vertical.to,
        width: (columns.to - columns.from) / horizontal.to,
        height: (rows.to - rows.from) / vertical.to,
      },
      ...{ rows, columns },
    })),
  );
}

/** Where a part lies in what is seen; of what lies beside that there are no pixels. */
function placed(part: ImagePart, { horizontal, vertical }: Seen): Cell {
  const pixel = (share: number, { to, start, length }: Cut) =>
    Math.max(0, Math.min(length, Math.round(share * to) - start));
  return {
    part,
    columns: { from: pixel(part.x, horizontal), to: pixel(part.x + part.width, horizontal) },
    rows: { from: pixel(part.y, vertical), to: pixel(part.y + part.height, vertical) },
  };
}

interface Span {
  from: number;
  to: number;
}

/** A copy of the pixels whose cell has one colour. */
function painted(
  pixels: Uint8Array,
  { crop, rows, columns, colour }: { crop: number; rows: Span; columns: Span; colour: Uint8Array },
): Uint8Array {
  const copy = new Uint8Array(pixels);
  const width = columns.to - columns.from;
  const line = new Uint8Array(3 * width);
  for (let column = 0; column < width; column++) line.set(colour, 3 * column);
  for (let row = rows.from; row < rows.to; row++) copy.set(line, 3 * (row * crop + columns.from));
  return copy;
}

/** Of the RGB pixels of a rectangle, rounded. */
function meanColour(
  pixels: Uint8Array,
  { crop, rows, columns }: { crop: number; rows: Span; columns: Span },
): Uint8Array {
  const sums = new Float64Array(3);
  for (let row = rows.from; row < rows.to; row++) {
    const line = pixels.subarray(3 * (row * crop + columns.from), 3 * (row * crop + columns.to));
    for (const [at, value] of line.entries()) sums[at % 3] = (sums[at % 3] ?? Number.NaN) + value;
  }
  const count = (rows.to - rows.from) * (columns.to - columns.from);
  return Uint8Array.from([0, 1, 2], (channel) => Math.round(itemAt(sums, channel) / count));
}
