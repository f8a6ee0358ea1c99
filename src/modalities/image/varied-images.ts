import { sharp } from './sharp.ts';

/** Width and height in pixels: wide, tall, square, and smaller than encoders take. */
const sizes = [
  [320, 240],
  [200, 300],
  [256, 256],
  [64, 48],
] as const;

/** Images of coloured waves, each of another size, direction and length; PNG. */
export function variedImages(): Promise<Buffer[]> {
  return Promise.all(sizes.map(([width, height], index) => waves(width, height, index + 1)));
}

function waves(width: number, height: number, seed: number): Promise<Buffer> {
  const pixels = new Uint8Array(width * height * 3);
  for (let index = 0; index < pixels.length; index++) {
    const [x, y, channel] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width), index % 3];
    pixels[index] = 128 + 127 * Math.sin((x * seed + y * (5 - seed)) / (9 + 7 * channel) + channel);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
