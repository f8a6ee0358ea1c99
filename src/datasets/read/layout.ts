import { join } from 'node:path';
import type { ColumnNames, FoundExample } from '../example.ts';
import { type FolderEntry, listFolder, readClassFolders } from './class-folders.ts';
import { DatasetSize } from './dataset-size.ts';
import { metadataFileNames } from './metadata-file.ts';
import { readMetadataRows } from './metadata-rows.ts';
import type { Problems } from './problems.ts';

/** A folder that the dataset's examples come from: the root itself, or its `train` and `test`. */
interface Part {
  path: string;
  entries: FolderEntry[];
  split?: 'train' | 'test';
}

/**
 * Finds the examples of a dataset, however its folder is laid out: a metadata file, or one folder per class, or
 * `train/` and `test/` with either. This is the imagefolder convention of the Hugging Face hub
 * (https://huggingface.co/docs/datasets/image_dataset).
 * @returns undefined where the folder is laid out in none of these ways
 */
export async function findExamples(
  root: string,
  columns: ColumnNames,
  problems: Problems,
  notes: string[],
  inlineFolder?: string,
): Promise<FoundExample[] | undefined> {
  const parts = await findParts(root, problems);
  const found: FoundExample[] = [];
  const size = new DatasetSize();
  let known = false;
  for (const { path, entries, split } of parts) {
    const prefix = split ? `${split}/` : '';
    const files = metadataFilesOf(entries);
    known ||= files.length > 0 || entries.some(({ kind }) => kind !== 'file');
    const [name, second] = files;
    if (second !== undefined) {
      problems.add(`${prefix}${files.join(` and ${prefix}`)}`, 'two lists of examples; keep one of them');
    } else if (name !== undefined) {
      const file = join(path, name);
      const place = { root, folder: path, path: file, name: prefix + name, split, inlineFolder, size };
      for (const example of await readMetadataRows(place, columns, problems, notes)) found.push(example);
    } else {
      const examples = await readClassFolders({ root, path, split, size, columns }, problems, notes);
      for (const example of examples) found.push({ ...example, row: found.length + 1 });
    }
  }
  return known || problems.count > 0 ? found : undefined;
}

async function findParts(root: string, problems: Problems): Promise<Part[]> {
  const entries = await listFolder(root, root, problems);
  if (metadataFilesOf(entries).length > 0) return [{ path: root, entries }];
  const parts: Part[] = [];
  for (const split of ['train', 'test'] as const) {
    const path = join(root, split);
    if (!entries.some(({ name, kind }) => name === split && kind === 'folder')) continue;
    const inner = await listFolder(root, path, problems);
    // A folder of that name with nothing but files in it is a class: {bus, car, train}.
    if (metadataFilesOf(inner).length > 0 || inner.some(({ kind }) => kind === 'folder'))
      parts.push({ path, entries: inner, split });
  }
  if (parts.length === 0) return [{ path: root, entries }];
  for (const { name, kind } of entries) {
    if (kind === 'file' || parts.some(({ split }) => split === name)) continue;
    problems.add(
      `${name}/`,
      'beside train and test no other folder is read; move it into one of them, or away',
    );
  }
  return parts;
}

/** The lists of examples in a folder; a table that is alone there may have any name. */
function metadataFilesOf(entries: FolderEntry[]): string[] {
  const found = metadataFileNames.filter((name) => entries.some((entry) => entry.name === name));
  const [only, other] = entries;
  if (found.length > 0 || !only || other) return found;
  return /\.(csv|tsv|jsonl|ndjson)$/i.test(only.name) ? [only.name] : [];
}
