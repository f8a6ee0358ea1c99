import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { parseRows, type TrainingRow, writeTrainingRows } from '../../../src/heads/training-rows.ts';
import { temporaryFolder } from '../datasets/sample.ts';

const answer = (fused: number[]) => ({
  fused: Float64Array.from(fused),
  unimodal: { text: Float64Array.from(fused) },
});
const rows: TrainingRow[] = [
  { id: '00112233445566ff', row: 1, split: 'train' },
  { id: 'ff00112233445566', row: 2, split: 'test', answer: answer([0.25, 0.75]) },
];

async function written(some: readonly TrainingRow[]): Promise<Buffer> {
  const file = path.join(await temporaryFolder(), 'rows.jsonl.gz');
  await writeTrainingRows(file, some);
  return readFile(file);
}

it('keeps what became of each row, in the same bytes each time', async () => {
  const bytes = await written(rows);
  expect(await parseRows(bytes, 2)).toEqual(rows);
  expect((await written(rows)).equals(bytes)).toBe(true);
});

it('leaves answers out where they would be too many numbers', async () => {
  const many = answer(Array.from({ length: 1000 }, () => 0.001));
  const some = Array.from(
    { length: 10_001 },
    (_, row): TrainingRow => ({
      id: row.toString(16).padStart(16, '0'),
      row,
      split: 'test',
      answer: many,
    }),
  );
  const [first] = await parseRows(await written(some), 1000);
  expect(first).toEqual({ id: '0000000000000000', row: 0, split: 'test' });
});

it.each([
  ['is not gzipped', Buffer.from('{}\n'), /incorrect header/],
  [
    'is cut off',
    gzipSync('{"id":"00112233445566ff","row":1,"split":"train"}\n').subarray(0, 30),
    /unexpected end/,
  ],
  ['holds another line', gzipSync('{"id":1}\n'), /line 1 is no row/],
  ['holds no JSON', gzipSync('{"id":"00112233445566ff","row":1,"split":"train"}\n{\n'), /cannot be used/],
  [
    'has answers for other labels',
    gzipSync('{"id":"00112233445566ff","row":1,"split":"test","answer":{"fused":[1],"unimodal":{}}}\n'),
    /answer of 2 numbers/,
  ],
  ['unpacks to more than it may', gzipSync(Buffer.alloc(2 ** 28 + 1)), /cannot be used/],
])('refuses a file that %s', async (_, bytes, problem) => {
  await expect(parseRows(bytes, 2)).rejects.toMatchObject({
    code: 'damaged-artifact',
    message: expect.stringMatching(problem),
  });
});
