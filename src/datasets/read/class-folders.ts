import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { shorten } from '../../quote.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import { targets } from '../../targets/targets.ts';
import type { Truth } from '../../targets/truth.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import type { DatasetSize } from './dataset-size.ts';
import { findInside } from './inside.ts';
import type { Problems } from './problems.ts';
import { tableLimits } from './table-row.ts';
import { readTextFile } from './text-file.ts';

const pictureExtensions = ['.jpg', '.jpeg', '.png', '.webp'];
const otherPictureExtensions = [
  '.gif',
  '.bmp',
  '.tif',
  '.tiff',
  '.heic',
  '.heif',
  '.avif',
  '.svg',
  '.jxl',
  '.jp2',
];
const maximumTextBytes = 2 ** 20;

interface ClassFolder {
  /** The dataset's folder, as `realpath` gives it. */
  root: string;
  path: string;
  truth: Truth;
  split: 'train' | 'test' | undefined;
}

interface ClassFolders extends Omit<ClassFolder, 'truth'> {
  columns: Pick<ColumnNames, 'target' | 'labelSeparator'>;
  /** Counts the examples and their texts. */
  size: DatasetSize;
}

/**
 * Reads a folder that has one folder per class: the folder's name is the label, every picture in it is an example,
 * and `name.txt` is the text of `name.jpg`, or an example of its own where there is no such picture.
 * @param folders where they are: the dataset's folder, or its `train` or `test`
 */
export async function readClassFolders(
  { root, path: folder, split, size, columns: { target, labelSeparator } }: ClassFolders,
  problems: Problems,
  notes: string[],
): Promise<FoundExample[]> {
  const examples: FoundExample[] = [];
  const unused: string[] = [];
  for (const { name, kind } of await listFolder(root, folder, problems)) {
    const path = join(folder, name);
    if (kind === 'file') unused.push(relative(root, path));
    else if (kind === 'link')
      problems.add(relative(root, path), 'it is a link to a folder, which is not followed');
    else {
      const options = { name: 'the name of the folder', separator: labelSeparator };
      const truth = targets[target].read(name, options);
      if ('problem' in truth) {
        problems.add(`${shorten(relative(root, path))}/`, truth.problem);
        continue;
      }
      for await (const example of readClass({ root, path, truth, split }, problems, unused)) {
        const tooMuch = size.add(example.content.text, name);
        if (tooMuch !== undefined) {
          problems.add(example.at, tooMuch);
          return examples;
        }
        examples.push(example);
      }
    }
  }
  if (unused.length > 0) {
    const shown = unused.slice(0, 3).join(', ');
    notes.push(
      `not used: ${unused.length <= 3 ? shown : `${unused.length} files or folders, such as ${shown}`}`,
    );
  }
  return examples;
}

export interface FolderEntry {
  name: string;
  /** `link` is a symbolic link to a folder; one to a file counts as a file. */
  kind: 'file' | 'folder' | 'link';
}

/**
 * What is in a folder, in order of code units; what systems leave behind (.DS_Store, __MACOSX) is passed over. A folder
 * that may not be read becomes a problem, and counts as empty.
 * @param root the dataset's folder
 */
export async function listFolder(root: string, folder: string, problems: Problems): Promise<FolderEntry[]> {
  const listed: FolderEntry[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    const problem = problemOfPermissions(error);
    if (problem === undefined) throw error;
    problems.add(`${relative(root, folder) || '.'}/`, problem);
    return [];
  });
  for (const entry of entries) {
    const { name } = entry;
    if (name.startsWith('.') || name === '__MACOSX' || /^(thumbs\.db|desktop\.ini)$/i.test(name)) continue;
    const isLinkedFolder =
      entry.isSymbolicLink() && (await stat(join(folder, name)).catch(() => undefined))?.isDirectory();
    listed.push({ name, kind: isLinkedFolder ? 'link' : entry.isDirectory() ? 'folder' : 'file' });
  }
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function* readClass(
  folder: ClassFolder,
  problems: Problems,
  unused: string[],
): AsyncGenerator<FoundExample> {
  const names = (await listFolder(folder.root, folder.path, problems)).map(({ name, kind }) =>
    kind === 'file' ? name : `${name}/`,
  );
  const files = new Set(names);
  const stemsOfPictures = new Set(names.filter(isPicture).map(stemOf));
  for (const name of names) {
    const at = relative(folder.root, join(folder.path, name));
    const extension = extname(name).toLowerCase();
    const example: FoundExample = { at, row: 0, content: {}, truth: folder.truth };
    if (folder.split) example.split = folder.split;
    if (isPicture(name)) {
      const found = await findInside(folder.root, folder.path, name);
      if ('path' in found) example.content.image = found;
      else problems.add(at, found.problem);
      const textName = `${stemOf(name)}.txt`;
      if (files.has(textName)) await readText(folder, textName, example, problems);
      yield example;
    } else if (extension === '.txt') {
      if (stemsOfPictures.has(stemOf(name))) continue;
      await readText(folder, name, example, problems);
      yield example;
    } else if (otherPictureExtensions.includes(extension)) {
      problems.add(at, `${extension.slice(1).toUpperCase()} is not read; use JPEG, PNG or WebP`);
    } else {
      unused.push(at);
    }
  }
}

async function readText(
  folder: ClassFolder,
  name: string,
  example: FoundExample,
  problems: Problems,
): Promise<void> {
  const at = relative(folder.root, join(folder.path, name));
  const found = await findInside(folder.root, folder.path, name);
  const read = 'path' in found ? await readTextFile(found.path, maximumTextBytes) : found;
  if ('problem' in read) return problems.add(at, read.problem);
  const text = read.text.trim();
  if (text.length > tableLimits.value)
    problems.add(at, `the text has ${text.length} characters; ${tableLimits.value} are the limit`);
  else if (text) example.content.text = text;
  else if (!example.content.image) problems.add(at, 'the text is empty and there is no picture');
}

function isPicture(name: string): boolean {
  return pictureExtensions.includes(extname(name).toLowerCase());
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}
