import type { Sharp } from 'sharp';

const side = 16;
/** Each place is the mean of so many by so many pixels, so that it hardly matters how the decoder scales. */
const detail = 4;
/** Steps of brightness, of 255, below which two neighbours count as the same: plain areas are noise otherwise. */
const smallestStep = 3;

/**
 * A hash of how a picture looks, by which copies that were scaled, compressed again or lightened are found: for each
 * of 16 by 16 places, whether it is brighter than the place to its left (dHash, Neal Krawetz 2013). The picture is
 * decoded for it, so it also finds files that break off in their middle.
 * @returns 256 bits, hexadecimal
 * @throws what sharp throws, for `describePictureFailure`
 */
export async function perceptualHash(picture: Sharp): Promise<string> {
  const width = (side + 1) * detail;
  const pixels = await picture
    .flatten({ background: '#ffffff' })
    .resize(width, side * detail, { fit: 'fill', kernel: 'linear' })
    .greyscale()
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const sums = new Uint32Array(side * (side + 1));
  for (const [index, value] of pixels.entries()) {
    const [row, column] = [Math.floor(index / width), index % width];
    sums[Math.floor(row / detail) * (side + 1) + Math.floor(column / detail)] += value;
  }
  const bits = new Uint8Array((side * side) / 8);
  for (let place = 0; place < side * side; place++) {
    const left = place + Math.floor(place / side);
    if (sums[left + 1] - sums[left] >= smallestStep * detail ** 2) bits[place >> 3] |= 1 << (place & 7);
  }
  return Buffer.from(bits).toString('hex');
}
