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
export function turnUpright(pixels: Uint8Array, side: number, stored: StoredOrientation): Uint8Array {
  const { turned, mirroredX, mirroredY } = stored;
  if (!turned && !mirroredX && !mirroredY) return pixels;
  const upright = new Uint8Array(pixels.length);
  let to = 0;
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const [x, y] = turned ? [row, column] : [column, row];
      const from = 3 * ((mirroredY ? side - 1 - y : y) * side + (mirroredX ? side - 1 - x : x));
      upright[to++] = pixels[from];
      upright[to++] = pixels[from + 1];
      upright[to++] = pixels[from + 2];
    }
  return upright;
}
