import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { hintFor, isFileOf, readItemText } from '../datasets/read/content-files.ts';
import { tableExtensions } from '../datasets/read/table-formats.ts';
import { TandemError } from '../errors.ts';
import type { PretrainedModality } from '../modalities/modality.ts';
import { type Content, type PretrainedName, pretrainedModalities } from '../modalities/registry.ts';
import { problemOfPermissions } from '../store/files/permissions.ts';
import type { RowSource, SourceRow, Survey } from './source.ts';

/** The column that names a row's file, relative to the folder. */
const fileColumn = 'file_name';

/** Files of one row: those of the same name beside each other, as `name.txt` is the text of `name.jpg`. */
interface FoundRow {
  /** Relative to the folder, with slashes; the file of the first modality. */
  name: string;
  files: { modality: PretrainedModality<PretrainedName>; file: string }[];
  problem?: string;
}

/**
 * The files in a folder and those below it, in order of path, as a table: what each is called and, where texts lie beside
 * images, the text.
 */
export function folderSource(folder: string): RowSource {
  return {
    name: `${path.basename(folder)}/`,
    folder,
    survey: () => survey(folder),
    async *rows() {
      let row = 0;
      for await (const found of findRows(folder, '')) yield readRow(folder, found, ++row);
    },
  };
}

async function survey(folder: string): Promise<Survey> {
  const hash = createHash('sha256');
  const texts = new Set<string>();
  let rows = 0;
  for await (const { name, files } of findRows(folder, '')) {
    rows++;
    const told: unknown[] = [name];
    for (const { modality, file } of files) {
      if (!modality.file) texts.add(modality.column);
      const found = await stat(path.join(folder, file)).catch(() => undefined);
      told.push([file, found?.size, found?.mtimeMs]);
    }
    hash.update(`${JSON.stringify(told)}\n`);
  }
  if (rows === 0)
    throw new TandemError('unknown-dataset', `${path.basename(folder)}/ has no files that can be scored`, {
      fix: `Name a table in it (${tableExtensions}), or a folder with images.`,
    });
  return { columns: [fileColumn, ...texts], rows, identity: hash.digest('hex'), notes: [] };
}

async function readRow(folder: string, { name, files, problem }: FoundRow, row: number): Promise<SourceRow> {
  const values = new Map<string, unknown>([[fileColumn, name]]);
  const content: Content = {};
  let wrong = problem;
  for (const { modality, file } of files) {
    const read = await modality
      .fromFile(path.join(folder, file), readItemText)
      .catch((error) => ({ problem: problemOfPermissions(error) ?? (error as Error).message }));
    if (read && 'problem' in read) wrong ??= read.problem;
    else if (read) {
      Object.assign(content, { [modality.name]: read.reference });
      if (!modality.file) values.set(modality.column, read.reference);
    }
  }
  return { row, values, content, ...(wrong !== undefined && { problem: wrong }) };
}

async function* findRows(root: string, below: string): AsyncGenerator<FoundRow> {
  const entries = await readdir(path.join(root, below), { withFileTypes: true });
  const names = entries
    .filter(({ name }) => !name.startsWith('.') && name !== '__MACOSX')
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const files = names.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const byStem = Map.groupBy(files, (name) => path.parse(name).name);
  for (const entry of names) {
    const name = path.posix.join(below, entry.name);
    if (entry.isDirectory()) {
      yield* findRows(root, name);
      continue;
    }
    const problem = hintFor(entry.name);
    if (problem !== undefined) yield { name, files: [], problem };
    const beside = byStem.get(path.parse(name).name) ?? [];
    const first = pretrainedModalities.find((modality) => beside.some((other) => isFileOf(modality, other)));
    if (!first || !isFileOf(first, entry.name)) continue;
    const own = pretrainedModalities.flatMap((modality) => {
      const file = modality === first ? entry.name : beside.find((other) => isFileOf(modality, other));
      return file === undefined ? [] : [{ modality, file: path.posix.join(below, file) }];
    });
    yield { name, files: own };
  }
}
