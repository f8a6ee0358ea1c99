import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readScalars } from '../../../src/encoders/model/safetensors.ts';
import { temporaryFolder } from '../datasets/sample.ts';

/** A file as Python's safetensors writes it: the header's length, the header, the values. */
async function write(header: object, values: Buffer): Promise<string> {
  const file = path.join(await temporaryFolder(), 'model.safetensors');
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(file, Buffer.concat([length, text, values]));
  return file;
}

const scalar = (dtype: string, from: number, to: number) => ({ dtype, shape: [], data_offsets: [from, to] });

it('reads numbers of every type, and no other tensors', async () => {
  const values = Buffer.alloc(28);
  values.writeFloatLE(4.5, 8);
  values.writeDoubleLE(-2.25, 12);
  values.writeUInt16LE(0x4480, 20); // 4.5 in half precision
  values.writeUInt16LE(0xc010, 22); // -2.25 in bfloat16
  values.writeUInt16LE(0x0200, 24); // 2⁻¹⁵, below the smallest normal number of half precision
  const file = await write(
    {
      __metadata__: { format: 'pt' },
      matrix: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
      single: scalar('F32', 8, 12),
      double: { dtype: 'F64', shape: [1], data_offsets: [12, 20] },
      half: scalar('F16', 20, 22),
      brain: scalar('BF16', 22, 24),
      small: scalar('F16', 24, 26),
      whole: scalar('I16', 26, 28),
    },
    values,
  );
  const names = ['matrix', 'single', 'double', 'half', 'brain', 'small', 'whole', 'missing'] as const;
  expect(await readScalars(file, names)).toEqual({
    ...{ single: 4.5, double: -2.25, half: 4.5, brain: -2.25, small: 2 ** -15 },
  });
});

it.each([
  ['is cut', { logit_scale: scalar('F32', 0, 4) }, 'it ends after'],
  ['has another header', { logit_scale: 5 }, 'logit_scale'],
])('says of a file that %s that it may be half a download', async (_, header, message) => {
  const file = await write(header, Buffer.alloc(0));
  await expect(readScalars(file, ['logit_scale'])).rejects.toMatchObject({
    code: 'invalid-encoder',
    message: expect.stringContaining(message),
    fix: expect.stringContaining('Get the file again'),
  });
});
