import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import type { PretrainedModality } from '../../modalities/modality.ts';
import { type Content, type PretrainedName, pretrainedModalities } from '../../modalities/registry.ts';
import { shorten } from '../../quote.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import { targets } from '../../targets/targets.ts';
import type { Truth } from '../../targets/truth.ts';
import type { FoundExample } from '../example.ts';
import { hintFor, isFileOf, readItemText } from './content-files.ts';
import { findInside } from './inside.ts';
import type { DatasetReading } from './reading.ts';

interface ClassFolder {
  path: string;
  truth: Truth;
  split: 'train' | 'test' | undefined;
}

/**
 * Reads a folder that has one folder per class: the folder's name is the label, every file of a modality in it is an
 * example. Files of the same name are one: `name.txt` is the text of `name.jpg`, or an example of its own without it.
 * @param folders where they are: the dataset's folder, or its `train` or `test`
 */
export async function readClassFolders(
  reading: DatasetReading,
  { path: folder, split }: Omit<ClassFolder, 'truth'>,
): Promise<FoundExample[]> {
  const { root, size, findings } = reading;
  const { target, labelSeparator } = reading.columns;
  const examples: FoundExample[] = [];
  const unused: string[] = [];
  for (const { name, kind } of await listFolder(reading, folder)) {
    const path = join(folder, name);
    if (kind === 'file') unused.push(relative(root, path));
    else if (kind === 'link')
      findings.addProblem(relative(root, path), 'it is a link to a folder, which is not followed');
    else {
      const options = { name: 'the name of the folder', separator: labelSeparator };
      const truth = targets[target].read(name, options);
      if ('problem' in truth) {
        findings.addProblem(`${shorten(relative(root, path))}/`, truth.problem);
        continue;
      }
      for await (const example of readClass(reading, { path, truth, split })) {
        if (typeof example === 'string') {
          unused.push(example);
          continue;
        }
        const tooMuch = size.add(...Object.values(example.content), name);
        if (tooMuch !== undefined) {
          findings.addProblem(example.at, tooMuch);
          return examples;
        }
        examples.push(example);
      }
    }
  }
  if (unused.length > 0) {
    const shown = unused.slice(0, 3).join(', ');
    findings.addNotes(
      `not used: ${unused.length <= 3 ? shown : `${unused.length} files or folders, such as ${shown}`}`,
    );
  }
  return examples;
}

export interface FolderEntry {
  name: string;
  /** `link` is a symbolic link to a folder that is not followed; one to a file counts as a file. */
  kind: 'file' | 'folder' | 'link';
}

/**
 * What is in a folder, in order of code units; what systems leave behind (.DS_Store, __MACOSX) is passed over. A folder
 * that may not be read becomes a problem, and counts as empty.
 */
export async function listFolder(
  { root, followLinks, findings }: DatasetReading,
  folder: string,
): Promise<FolderEntry[]> {
  const listed: FolderEntry[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    const problem = problemOfPermissions(error);
    if (problem === undefined) throw error;
    findings.addProblem(`${relative(root, folder) || '.'}/`, problem);
    return [];
  });
  for (const entry of entries) {
    const { name } = entry;
    if (name.startsWith('.') || name === '__MACOSX' || /^(thumbs\.db|desktop\.ini)$/i.test(name)) continue;
    const isLinkedFolder =
      entry.isSymbolicLink() && (await stat(join(folder, name)).catch(() => undefined))?.isDirectory();
    const isFolder = entry.isDirectory() || (isLinkedFolder && followLinks);
    listed.push({ name, kind: isFolder ? 'folder' : isLinkedFolder ? 'link' : 'file' });
  }
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The examples of a class; and of a file that is not used, its path. */
async function* readClass(
  reading: DatasetReading,
  folder: ClassFolder,
): AsyncGenerator<FoundExample | string> {
  const { root, findings } = reading;
  const names = (await listFolder(reading, folder.path)).map(({ name, kind }) =>
    kind === 'file' ? name : `${name}/`,
  );
  const byStem = Map.groupBy(names, stemOf);
  for (const name of names) {
    const at = relative(root, join(folder.path, name));
    const place = pretrainedModalities.findIndex((modality) => isFileOf(modality, name));
    if (place < 0) {
      const hint = hintFor(name);
      if (hint === undefined) yield at;
      else findings.addRowProblem(at, hint);
      continue;
    }
    const beside = byStem.get(stemOf(name)) ?? [];
    // It belongs to the file of an earlier modality, as a text does to its image.
    if (
      pretrainedModalities
        .slice(0, place)
        .some((modality) => beside.some((other) => isFileOf(modality, other)))
    )
      continue;
    const files = pretrainedModalities.slice(place).flatMap((modality, index) => {
      const file = index === 0 ? name : beside.find((other) => isFileOf(modality, other));
      return file === undefined ? [] : [{ modality, file }];
    });
    const { split, truth } = folder;
    const content = await readFiles(reading, folder, files);
    yield { at, row: 0, content, truth, ...(split && { split }) };
  }
}

async function readFiles(
  reading: DatasetReading,
  folder: ClassFolder,
  files: readonly { modality: PretrainedModality<PretrainedName>; file: string }[],
): Promise<Content> {
  const { root, findings } = reading;
  const content: Content = {};
  const empty: string[] = [];
  const placeOf = (file: string) => relative(root, join(folder.path, file));
  const row = placeOf(files[0]?.file ?? '');
  for (const { modality, file } of files) {
    const at = placeOf(file);
    const found = await findInside(reading, folder.path, file);
    const read = 'path' in found ? await modality.fromFile(found.path, readItemText) : found;
    if (read === undefined) empty.push(at);
    else if ('problem' in read) findings.addRowProblem(at, read.problem, row);
    else Object.assign(content, { [modality.name]: read.reference });
  }
  const [at] = empty;
  if (at !== undefined && empty.length === files.length)
    findings.addRowProblem(at, 'the file is empty, and nothing is beside it');
  return content;
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}
