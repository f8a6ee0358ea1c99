import { open } from 'node:fs/promises';
import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { unusable } from './unusable.ts';

/** Bytes that say how long the header is. */
const lengthBytes = 8;
/** Of the largest model the header has some 10 MB. */
const mostHeaderBytes = 64 * 2 ** 20;

const headerSchema = z.record(
  z.string(),
  z.looseObject({
    dtype: z.string().optional(),
    shape: z.array(z.int()).optional(),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]).optional(),
  }),
);

/** How a number of each type is read, and its bytes. */
const types: Readonly<Record<string, { bytes: number; read(view: DataView): number }>> = {
  F64: { bytes: 8, read: (view) => view.getFloat64(0, true) },
  F32: { bytes: 4, read: (view) => view.getFloat32(0, true) },
  F16: { bytes: 2, read: (view) => view.getFloat16(0, true) },
  BF16: {
    bytes: 2,
    read(view) {
      // The upper half of a float32.
      const whole = new DataView(new ArrayBuffer(4));
      whole.setUint16(0, view.getUint16(0, true));
      return whole.getFloat32(0);
    },
  },
};

/** Reads so many bytes of a file from a position on. @throws where it has fewer */
export type ReadPart = (length: number, position: number) => Promise<Buffer>;

/**
 * Reads tensors of one number from a safetensors file, without the rest of it. The format is data alone: no code is run.
 * @returns those that are there
 * @throws TandemError `invalid-encoder` where the file is damaged
 * @example await readScalars('model.safetensors', ['logit_scale']) // { logit_scale: 4.6052 }
 */
export async function readScalars<Name extends string>(
  file: string,
  names: readonly Name[],
): Promise<Partial<Record<Name, number>>> {
  await using handle = await open(file);
  const read: ReadPart = async (length, position) => {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await handle.read(bytes, 0, length, position);
    if (bytesRead < length) throw new Error(`it ends after ${position + bytesRead} bytes`);
    return bytes;
  };
  return await scalarsIn(file, read, names);
}

/**
 * The same of a file that lies anywhere, such as on a server that gives parts of it.
 * @param file its name, for errors
 * @throws as {@link readScalars}; TandemError that reading throws
 * @example await scalarsIn('model.safetensors', (length, position) => range(url, position, length), ['logit_scale'])
 */
export async function scalarsIn<Name extends string>(
  file: string,
  read: ReadPart,
  names: readonly Name[],
): Promise<Partial<Record<Name, number>>> {
  try {
    const headerBytes = Number((await read(lengthBytes, 0)).readBigUInt64LE());
    if (headerBytes > mostHeaderBytes) throw new Error(`its header has ${headerBytes} bytes`);
    const header = headerSchema.parse(JSON.parse((await read(headerBytes, lengthBytes)).toString()));
    const found: Partial<Record<Name, number>> = {};
    for (const name of names) {
      const { dtype = '', shape = [], data_offsets: [from, to] = [0, 0] } = header[name] ?? {};
      const type = types[dtype];
      if (!type || shape.some((size) => size !== 1) || to - from !== type.bytes) continue;
      const bytes = await read(type.bytes, lengthBytes + headerBytes + from);
      found[name] = type.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    return found;
  } catch (cause) {
    if (cause instanceof TandemError) throw cause;
    throw unusable(
      `${file} cannot be read: ${(cause as Error).message}`,
      'Get the file again: it may be half a download.',
      cause,
    );
  }
}
