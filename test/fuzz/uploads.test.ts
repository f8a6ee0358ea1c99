import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { create } from 'tar';
import { afterAll, beforeAll, expect, it } from 'vitest';
import yazl from 'yazl';
import { tryImport } from '../../src/datasets/import/import.ts';
import { TandemError } from '../../src/errors.ts';
import { Random } from '../../src/random.ts';
import { firstSeed, mutate, shares } from './mutate.ts';

let folder: string;
let uploads: [name: string, content: Buffer][];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fuzz-'));
  uploads = await makeUploads();
});
afterAll(() => rm(folder, { recursive: true }));

/** The same eight examples in every format that a dataset may come in. */
async function makeUploads(): Promise<[string, Buffer][]> {
  const image = (red: number) =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: { r: red, g: 60, b: 90 } } })
      .png()
      .toBuffer();
  const images = await Promise.all(Array.from({ length: 8 }, (_, index) => image(30 * index)));
  const rows = images.map((_, index) => `${index}.png,"text, number ${index}",${index % 2 ? 'odd' : 'even'}`);
  const csv = Buffer.from(`file_name,text,label\n${rows.join('\n')}\n`);
  const inline = images.map((bytes, index) => ({
    image: bytes.toString('base64'),
    text: `größe ${index}`,
    label: index % 2 ? 'odd' : 'even',
  }));
  const zip = new yazl.ZipFile();
  zip.addBuffer(csv, 'metadata.csv');
  for (const [index, bytes] of images.entries()) zip.addBuffer(bytes, `${index}.png`);
  zip.end();
  await writeFile(path.join(folder, 'metadata.csv'), csv);
  for (const [index, bytes] of images.entries()) await writeFile(path.join(folder, `${index}.png`), bytes);
  const tar = await buffer(create({ cwd: folder, portable: true }, await readdir(folder)) as never);
  const jsonl = inline.map((row) => JSON.stringify(row)).join('\n');
  const table = inline.map(({ image, text, label }) => `${image},"${text}",${label}`).join('\n');
  return [
    ['pets.zip', await buffer(zip.outputStream)],
    ['pets.tar', tar],
    ['pets.tar.gz', gzipSync(tar)],
    ['pets.csv', Buffer.from(`image,text,label\n${table}\n`)],
    ['pets.jsonl', Buffer.from(jsonl)],
    ['pets.json', Buffer.from(JSON.stringify(inline))],
    ['pets.tsv', Buffer.from(`\uFEFFimage\ttext\tlabel\n${table.replaceAll(',', '\t')}\n`, 'utf16le')],
  ];
}

it('checks any damaged upload and says what is wrong with it, and leaves nothing behind', async () => {
  const random = new Random(firstSeed, 'uploads');
  const workspace = await mkdtemp(path.join(folder, 'workspace-'));
  const outcomes: Record<string, number> = {};
  for (const [fileName, content] of uploads) {
    const file = path.join(folder, 'upload');
    await writeFile(file, content);
    const { problems } = await tryImport({ file, fileName }, { workspace });
    expect([fileName, problems]).toEqual([fileName, []]);
  }
  for (let index = 0; index < shares.uploads; index++) {
    const [fileName, content] = uploads[index % uploads.length];
    const file = path.join(folder, 'upload');
    await writeFile(file, mutate(content, random));
    const outcome = await tryImport({ file, fileName }, { workspace }).then(
      ({ problems }) => (problems.length > 0 ? 'problems' : 'fine'),
      (error) => {
        if (error instanceof TandemError) return error.code;
        throw new Error(`${fileName}, number ${index}`, { cause: error });
      },
    );
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  console.log(`${shares.uploads} uploads:`, outcomes);
  expect(['fine', 'problems', 'invalid-dataset', 'unknown-dataset']).toEqual(
    expect.arrayContaining(Object.keys(outcomes)),
  );
  expect(outcomes.problems).toBeGreaterThan(0);
  expect(await readdir(workspace)).toEqual([]);
  expect((await readFile(path.join(folder, 'metadata.csv'))).length).toBeGreaterThan(0);
});
