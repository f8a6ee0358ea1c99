import type { Sharp } from 'sharp';

const side = 16;
/** Each place is the mean of so many by so many pixels, so that it hardly matters how the decoder scales. */
const detail = 4;
/** Steps of brightness, of 255, below which two neighbours count as the same: plain areas are noise otherwise. */
const smallestStep = 3;

/**
 * A hash of how an image looks, by which copies that were scaled, compressed again or lightened are found: for each
 * of 16 by 16 places, whether it is brighter than the place to its left (dHash, Neal Krawetz 2013). The image is
 * decoded for it, so it also finds files that break off in their middle.
 * @returns 256 bits, hexadecimal
 * @throws what sharp throws, for `describeImageFailure`
 */
export async function perceptualHash(image: Sharp): Promise<string> {
  const width = (side + 1) * detail;
  const pixels = await image
    .flatten({ background: '#ffffff' })
    .resize(width, side * detail, { fit: 'fill', kernel: 'linear' })
    .greyscale()
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const brightness = (row: number, column: number) => {
    let sum = 0;
    for (let line = row * detail; line < (row + 1) * detail; line++) {
      const start = line * width + column * detail;
      for (const value of pixels.subarray(start, start + detail)) sum += value;
    }
    return sum;
  };
  const bytes = Buffer.alloc((side * side) / 8);
  let byte = 0;
  for (let place = 0; place < side * side; place++) {
    const [row, column] = [Math.floor(place / side), place % side];
    const step = brightness(row, column + 1) - brightness(row, column);
    if (step >= smallestStep * detail ** 2) byte |= 1 << (place & 7);
    if ((place & 7) < 7) continue;
    bytes[place >> 3] = byte;
    byte = 0;
  }
  return bytes.toString('hex');
}
