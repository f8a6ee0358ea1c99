import { join } from 'node:path';
import type { FoundExample } from '../example.ts';
import { type FolderEntry, listFolder, readClassFolders } from './class-folders.ts';
import { metadataFileNames } from './metadata-file.ts';
import { readMetadataRows } from './metadata-rows.ts';
import type { DatasetReading } from './reading.ts';
import { tableFormatOf } from './table-formats.ts';

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
export async function findExamples(reading: DatasetReading): Promise<FoundExample[] | undefined> {
  const { findings } = reading;
  const parts = await findParts(reading);
  const found: FoundExample[] = [];
  let known = false;
  for (const { path, entries, split } of parts) {
    const prefix = split ? `${split}/` : '';
    const files = metadataFilesOf(entries);
    known ||= files.length > 0 || entries.some(({ kind }) => kind !== 'file');
    const [name, second] = files;
    if (second !== undefined) {
      findings.addProblem(
        `${prefix}${files.join(` and ${prefix}`)}`,
        'two lists of examples; keep one of them',
      );
    } else if (name !== undefined) {
      const file = join(path, name);
      const place = { folder: path, path: file, name: prefix + name, split };
      for (const example of await readMetadataRows(reading, place)) found.push(example);
    } else {
      const examples = await readClassFolders(reading, { path, split });
      for (const example of examples) found.push({ ...example, row: found.length + 1 });
    }
  }
  return known || findings.problemCount > 0 ? found : undefined;
}

async function findParts(reading: DatasetReading): Promise<Part[]> {
  const { root, table, findings } = reading;
  if (table !== undefined) return [{ path: root, entries: [{ name: table, kind: 'file' }] }];
  const entries = await listFolder(reading, root);
  if (metadataFilesOf(entries).length > 0) return [{ path: root, entries }];
  const parts: Part[] = [];
  for (const split of ['train', 'test'] as const) {
    const path = join(root, split);
    if (!entries.some(({ name, kind }) => name === split && kind === 'folder')) continue;
    const inner = await listFolder(reading, path);
    // A folder of that name with nothing but files in it is a class: {bus, car, train}.
    if (metadataFilesOf(inner).length > 0 || inner.some(({ kind }) => kind === 'folder'))
      parts.push({ path, entries: inner, split });
  }
  if (parts.length === 0) return [{ path: root, entries }];
  for (const { name, kind } of entries) {
    if (kind === 'file' || parts.some(({ split }) => split === name)) continue;
    findings.addProblem(
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
  return tableFormatOf(only.name) ? [only.name] : [];
}
