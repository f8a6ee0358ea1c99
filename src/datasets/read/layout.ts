import { join } from 'node:path';
import type { FoundExample } from '../example.ts';
import { type FolderEntry, listFolder, readClassFolders } from './class-folders.ts';
import { readingFile } from './dataset-file.ts';
import { metadataFileNames } from './metadata-file.ts';
import { readMetadataRows } from './metadata-rows.ts';
import type { DatasetReading } from './reading.ts';
import { type Shard, shardsOf } from './shards.ts';
import { tableFormatOf } from './table-formats.ts';

/** A folder that the dataset's examples come from: the root itself, or its `train` and `test`. */
interface Part {
  path: string;
  entries: FolderEntry[];
  split?: 'train' | 'test';
  /** Of the folder, below the root, for names: `data/`. */
  prefix: string;
}

/**
 * Finds the examples of a dataset, however its folder is laid out: a metadata file, or one folder per class, or
 * `train/` and `test/` with either, or one table per split, perhaps in several files, here or in `data/`. This is the imagefolder convention of the Hugging Face hub
 * (https://huggingface.co/docs/datasets/image_dataset).
 * @returns undefined where the folder is laid out in none of these ways
 */
export async function findExamples(reading: DatasetReading): Promise<FoundExample[] | undefined> {
  const { findings } = reading;
  const parts = await findParts(reading);
  const found: FoundExample[] = [];
  let known = false;
  for (const part of parts) {
    const { path, entries, split, prefix } = part;
    const shards = tablesOf(reading, part);
    known ||= shards.length > 0;
    for (const shard of shards) {
      const before = findings.problemCount;
      const place = { folder: path, path: join(path, shard.name), name: prefix + shard.name };
      const shown = { called: prefix + shard.called, split: shard.split ?? split };
      const examples = await readMetadataRows(reading, { ...place, ...shown });
      for (const example of examples) found.push({ ...example, row: found.length + 1 });
      // What keeps all of a table from being read keeps the others as well.
      if (examples.length === 0 && findings.problemCount > before) break;
    }
    if (shards.length > 0) continue;
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
  if (table !== undefined) return [{ path: root, entries: [{ name: table, kind: 'file' }], prefix: '' }];
  const entries = await listFolder(reading, root);
  const whole = { path: root, entries, prefix: '' };
  if (hasTables(entries)) return [whole];
  const parts: Part[] = [];
  for (const split of ['train', 'test'] as const) {
    const path = join(root, split);
    if (!entries.some(({ name, kind }) => name === split && kind === 'folder')) continue;
    const inner = await listFolder(reading, path);
    // A folder of that name with nothing but files in it is a class: {bus, car, train}.
    if (hasTables(inner) || inner.some(({ kind }) => kind === 'folder'))
      parts.push({ path, entries: inner, split, prefix: `${split}/` });
  }
  if (parts.length === 0) return [(await dataFolder(reading, entries)) ?? whole];
  for (const { name, kind } of entries) {
    if (kind === 'file' || parts.some(({ split }) => split === name)) continue;
    findings.addProblem(
      `${name}/`,
      'beside train and test no other folder is read; move it into one of them, or away',
    );
  }
  return parts;
}

/** Where the hub's datasets have their tables. */
async function dataFolder(reading: DatasetReading, entries: FolderEntry[]): Promise<Part | undefined> {
  if (!entries.some(({ name, kind }) => name === 'data' && kind === 'folder')) return undefined;
  const path = join(reading.root, 'data');
  const inner = await listFolder(reading, path);
  return shardsOf(filesOf(inner)).shards.length > 0 ? { path, entries: inner, prefix: 'data/' } : undefined;
}

/** The tables that make up a part together. */
function tablesOf({ table, findings }: DatasetReading, { entries, prefix }: Part): Shard[] {
  if (table !== undefined || entries.some(({ name }) => metadataFileNames.includes(name))) return [];
  const { shards, notes, problems } = shardsOf(filesOf(entries));
  // One that is alone may have any name.
  if (shards.length === 1 && problems.length === 0 && metadataFilesOf(entries).length === 1) return [];
  findings.addNotes(...notes);
  for (const { at, detail } of problems) findings.addProblem(prefix + at, detail);
  return problems.length > 0 ? [] : shards;
}

function hasTables(entries: FolderEntry[]): boolean {
  return metadataFilesOf(entries).length > 0 || shardsOf(filesOf(entries)).shards.length > 0;
}

function filesOf(entries: FolderEntry[]): string[] {
  return entries.flatMap(({ name, kind }) => (kind === 'file' ? name : []));
}

/** JSON beside a dataset that is about it, and no table. */
const aboutDatasets = [
  readingFile,
  'dataset_info.json',
  'dataset_infos.json',
  'dataset_dict.json',
  'state.json',
];

/**
 * The lists of examples in a folder; a table that is alone there may have any name, beside files and one folder of them:
 * a single folder is no choice of classes.
 */
function metadataFilesOf(entries: FolderEntry[]): string[] {
  const found = metadataFileNames.filter((name) => entries.some((entry) => entry.name === name));
  const [folder, another] = entries.filter(({ kind }) => kind !== 'file');
  if (found.length > 0 || another || /^(train|test)$/.test(folder?.name ?? '')) return found;
  const tables = filesOf(entries).filter((name) => tableFormatOf(name) && !aboutDatasets.includes(name));
  return tables.length === 1 ? tables : [];
}
