import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { checkDataset } from '../../../../src/datasets/dataset.ts';
import { tryImport } from '../../../../src/datasets/import/import.ts';
import { folderWith, images, temporaryFolder } from '../sample.ts';

/** No permissions keep root out: the tests run as somebody else. Any id will do. */
const somebody = 65_534;
const forbidden = `it may not be read: its permissions forbid it; let the user ${
  process.geteuid?.() === 0 ? somebody : process.geteuid?.()
}, who runs this process, read it (chmod, chown)`;

beforeEach(() => {
  if (process.geteuid?.() !== 0) return;
  process.seteuid!(somebody);
  onTestFinished(() => process.seteuid!(0));
});

/** Takes every permission of a file or folder away until the test ends. */
async function forbid(path: string): Promise<void> {
  onTestFinished(() => chmod(path, 0o700));
  await chmod(path, 0);
}

const twoClasses = async () => ({
  ...(await images('cat/')),
  ...(await images('dog/')),
  'cat/a.txt': 'a cat',
});
const tables = {
  'metadata.csv': 'text,label\nA cat,cat\nA dog,dog\n',
  'metadata.jsonl': '{"text":"A cat","label":"cat"}\n{"text":"A dog","label":"dog"}\n',
};
type Case = [at: string, files: () => Promise<Record<string, string | Uint8Array>>];

it.each<Case>([
  ['cat/', twoClasses],
  ['cat/a.png', twoClasses],
  ['cat/a.txt', twoClasses],
  ['./', twoClasses],
  ...Object.entries(tables).map(([name, content]): Case => [name, async () => ({ [name]: content })]),
  ['dataset.json', async () => ({ 'dataset.json': '{}', 'metadata.csv': tables['metadata.csv'] })],
])('names %s of a dataset whose permissions forbid reading it, and says how to fix it', async (at, files) => {
  const folder = await folderWith(await files());
  await forbid(join(folder, at));
  const { problems, dataset } = await checkDataset(folder);
  expect(dataset).toBeUndefined();
  expect(problems.find((problem) => problem.at === at)?.detail).toContain(forbidden);
});

it('names train/ of a dataset whose permissions forbid reading it', async () => {
  const folder = await temporaryFolder();
  for (const side of ['train', 'test']) {
    await mkdir(join(folder, side));
    await writeFile(join(folder, side, 'metadata.csv'), tables['metadata.csv']);
  }
  await forbid(join(folder, 'train'));
  expect((await checkDataset(folder)).problems).toContainEqual({ at: 'train/', detail: forbidden });
});

it.each([
  ['a folder that lies in one', 'inner'],
  ['a file', 'pets.csv'],
])('rejects %s that may not be read as a bad dataset, not as a store that is away', async (_, name) => {
  const folder = await folderWith({ 'pets.csv': tables['metadata.csv'], 'inner/a.txt': '' });
  const place = join(folder, name);
  await forbid(name === 'inner' ? folder : place);
  const source = name === 'inner' ? { folder: place } : { file: place, fileName: name };
  await expect(tryImport(source, { workspace: await temporaryFolder() })).rejects.toMatchObject({
    code: 'invalid-dataset',
    items: [{ at: name === 'inner' ? `${place}/` : name, detail: forbidden }],
  });
});
