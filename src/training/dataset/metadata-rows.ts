import { closest } from './closest.ts';
import type { ColumnNames, FoundExample } from './example.ts';
import { findInside } from './inside.ts';
import { type MetadataRow, readMetadataFile } from './metadata-file.ts';
import type { Problems } from './problems.ts';

export interface MetadataPlace {
  /** The dataset's folder, as `realpath` gives it. */
  root: string;
  /** Where the metadata file is: the root or one folder below. */
  folder: string;
  /** Absolute path of the metadata file, and how problems call it. */
  path: string;
  name: string;
  /** The side that all its rows belong to, where the folder says so. */
  split?: 'train' | 'test';
}

const splitColumn = 'split';

/**
 * Turns a metadata file into examples; each row that cannot become one becomes problems.
 * Columns that are not asked for are noted, unless one looks like a misspelt name: then it is a problem.
 */
export async function readMetadataRows(
  place: MetadataPlace,
  names: ColumnNames,
  problems: Problems,
  notes: string[],
): Promise<FoundExample[]> {
  const { columns, rows } = await readMetadataFile(place.path, place.name, problems);
  if (!checkColumns(columns, place.name, names, problems, notes)) return [];
  const examples: FoundExample[] = [];
  const firstRows = new Map<string, number>();
  for (const row of rows) {
    const example = await readRow(row, place, names, problems);
    if (!example) continue;
    examples.push(example);
    if (example.image === undefined) continue;
    const first = firstRows.get(example.image);
    if (first === undefined) firstRows.set(example.image, row.row);
    else
      problems.add(
        example.at,
        `the picture ${JSON.stringify(row.values.get(names.imageColumn))} is in row ${first} too`,
      );
  }
  return examples;
}

function checkColumns(
  columns: string[],
  file: string,
  names: ColumnNames,
  problems: Problems,
  notes: string[],
): boolean {
  if (columns.length === 0) {
    problems.add(file, 'it has no rows');
    return false;
  }
  const { imageColumn, textColumn, labelColumn } = names;
  const known = [imageColumn, textColumn, labelColumn, splitColumn];
  const spare = columns.filter((column) => !known.includes(column));
  const missing = known.filter((column) => !columns.includes(column));
  const misspelt = spare.filter((column) => closest(column, missing));
  for (const column of misspelt) {
    const meant = closest(column, missing);
    problems.add(file, `unknown column ${JSON.stringify(column)}; did you mean ${JSON.stringify(meant)}?`);
  }
  if (misspelt.length > 0) return false;
  const found = `the columns are ${columns.map((column) => JSON.stringify(column)).join(', ')}`;
  if (missing.includes(labelColumn)) problems.add(file, `there is no column "${labelColumn}"; ${found}`);
  if (missing.includes(imageColumn) && missing.includes(textColumn)) {
    problems.add(file, `there is neither a column "${imageColumn}" nor a column "${textColumn}"; ${found}`);
  }
  const unused = spare.map((column) => JSON.stringify(column)).join(', ');
  if (unused) notes.push(`${file}: not used: ${spare.length === 1 ? 'column' : 'columns'} ${unused}`);
  return !missing.includes(labelColumn);
}

async function readRow(
  { row, values }: MetadataRow,
  { root, folder, name, split }: MetadataPlace,
  { imageColumn, textColumn, labelColumn }: ColumnNames,
  problems: Problems,
): Promise<FoundExample | undefined> {
  const at = `${name} row ${row}`;
  const read = (column: string) => {
    const value = asText(values.get(column));
    if (value === null) problems.add(at, `the value of "${column}" is neither text nor a number`);
    return value;
  };
  const [fileName, text, label, side] = [imageColumn, textColumn, labelColumn, splitColumn].map(read);
  if (fileName === null || text === null || label === null || side === null) return undefined;
  const example: FoundExample = { at, row, label: label.normalize('NFC') };
  if (text) example.text = text;
  if (fileName) {
    const found = await findInside(root, folder, fileName);
    if ('path' in found) example.image = found.path;
    else problems.add(at, found.problem);
  }
  if (!fileName && !text) problems.add(at, 'neither a picture nor a text');
  if (!label) problems.add(at, `no label: "${labelColumn}" is empty`);
  if (side && side !== 'train' && side !== 'test') {
    problems.add(at, `the split ${JSON.stringify(side)} is neither "train" nor "test"`);
  }
  const given = side === 'train' || side === 'test' ? side : (split ?? splitFromPath(fileName));
  if (given) example.split = given;
  return label ? example : undefined;
}

/** Trimmed text; empty for what is absent, null for what is no plain value. */
function asText(value: unknown): string | null {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

/** As on the hub: a metadata file above `train/` and `test/` names pictures in them. */
function splitFromPath(fileName: string): 'train' | 'test' | undefined {
  const first = /^(train|test)[/\\]/.exec(fileName)?.[1];
  return first as 'train' | 'test' | undefined;
}
