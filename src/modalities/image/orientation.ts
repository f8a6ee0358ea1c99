/** How the sides of the stored image relate to those of the image as a person sees it (Exif 2.32, 4.6.5, orientation). */
export interface StoredOrientation {
  /** The file's rows are the image's columns. */
  turned: boolean;
  /** The file's horizontal side runs the other way. */
  mirroredX: boolean;
  mirroredY: boolean;
}

/** @param orientation 1 to 8, as the camera noted it; 1 by default */
export function storedOrientation(orientation = 1): StoredOrientation {
  return {
    turned: orientation >= 5,
    mirroredX: [2, 3, 7, 8].includes(orientation),
    mirroredY: [3, 4, 6, 7].includes(orientation),
  };
}

/**
 * Turns a square of RGB pixels as a person sees it.
 * @example turnUpright(pixels, 224, storedOrientation(6))
 */
export function turnUpright(pixels: Uint8Array, side: number, orientation: StoredOrientation): Uint8Array {
  const { turned, mirroredX, mirroredY } = orientation;
  if (!turned && !mirroredX && !mirroredY) return pixels;
  const stored = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const upright = new Uint8Array(pixels.length);
  const rowBytes = 3 * side;
  const [stepX, stepY] = [mirroredX ? -3 : 3, mirroredY ? -rowBytes : rowBytes];
  const [perColumn, perRow] = turned ? [stepY, stepX] : [stepX, stepY];
  const first = (mirroredX ? rowBytes - 3 : 0) + (mirroredY ? (side - 1) * rowBytes : 0);
  let to = 0;
  for (let row = 0; row < side; row++) {
    let from = first + row * perRow;
    for (let column = 0; column < side; column++) {
      upright[to++] = stored.getUint8(from);
      upright[to++] = stored.getUint8(from + 1);
      upright[to++] = stored.getUint8(from + 2);
      from += perColumn;
    }
  }
  return upright;
}
