import type { Sharp } from 'sharp';

const side = 16;
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
  const pixels = await picture
    .flatten({ background: '#ffffff' })
    .resize(side + 1, side, { fit: 'fill', fastShrinkOnLoad: true })
    .greyscale()
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const bits = new Uint8Array((side * side) / 8);
  for (let place = 0; place < side * side; place++) {
    const left = place + Math.floor(place / side);
    if (pixels[left + 1] - pixels[left] >= smallestStep) bits[place >> 3] |= 1 << (place & 7);
  }
  return Buffer.from(bits).toString('hex');
}
