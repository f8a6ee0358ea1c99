import sharp from 'sharp';

/** Photos of plain colours, none like another: `red/0.jpg` and so on, `perLabel` of each of three labels. */
export async function plainPhotos(perLabel: number): Promise<Record<string, Buffer>> {
  const drawn: Record<string, Buffer> = {};
  for (const [channel, label] of ['red', 'green', 'blue'].entries()) {
    for (let index = 0; index < perLabel; index++) {
      const color = [0, 1, 2].map((each) =>
        each === channel ? 160 + 5 * index : (index * (each + 3) * 7) % 90,
      );
      const background = { r: color[0], g: color[1], b: color[2] };
      const photo = sharp({ create: { width: 64 + index, height: 64, channels: 3, background } });
      drawn[`${label}/${index}.jpg`] = await photo.jpeg().toBuffer();
    }
  }
  return drawn;
}
