import sharp from 'sharp';

/** A chunk (RFC 9649, section 2.3): its name, the length of its content, and its content, made even. */
function chunk(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.write(name, 'latin1');
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2)]);
}

const uint24 = (value: number) => Buffer.of(value & 255, (value >> 8) & 255, value >> 16);

/** A header of an animation, and so many frames of 2 by 2 pixels in the corner of its canvas: 50 bytes each. */
export async function animatedWebp({
  width,
  height,
  frames,
}: {
  width: number;
  height: number;
  frames: number;
}): Promise<Buffer> {
  const dot = sharp({ create: { width: 2, height: 2, channels: 3, background: '#336699' } });
  const pixels = (await dot.webp({ lossless: true }).toBuffer()).subarray(12);
  const place = [0, 0, 1, 1, 100].map(uint24);
  const frame = chunk('ANMF', Buffer.concat([...place, Buffer.of(0), pixels]));
  const size = Buffer.concat([Buffer.of(2, 0, 0, 0), uint24(width - 1), uint24(height - 1)]);
  const all = Array<Buffer>(frames).fill(frame);
  return chunk(
    'RIFF',
    Buffer.concat([Buffer.from('WEBP'), chunk('VP8X', size), chunk('ANIM', Buffer.alloc(6)), ...all]),
  );
}
