import { quote, quoteSome } from '../../quote.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import { closest } from './closest.ts';
import type { DatasetSize } from './dataset-size.ts';
import type { InlinePicture } from './inline-images.ts';
import { findInside } from './inside.ts';
import { readTruth } from './label-column.ts';
import { readMetadataFile } from './metadata-file.ts';
import { readText } from './plain-value.ts';
import type { Problems } from './problems.ts';
import type { TableRow } from './table-row.ts';

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
  /** Where pictures go that stand in the table itself. */
  inlineFolder?: string;
  /** Counts the rows and their texts. */
  size: DatasetSize;
}

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
  const { path, name, inlineFolder, size } = place;
  const file = { path, name, inlineFolder, size, imageColumn: names.imageColumn, kept: askedColumns(names) };
  const table = await readMetadataFile(file, problems);
  if (!table) return [];
  const { columns, rows } = table;
  if (!checkColumns(columns, name, names, problems, notes)) return [];
  const examples: FoundExample[] = [];
  // Each row is let free when its example is made: there may be millions.
  rows.reverse();
  for (let row = rows.pop(); row; row = rows.pop()) {
    const example = await readRow(row, place, names, problems);
    if (example) examples.push(example);
  }
  return examples;
}

function askedColumns({
  imageColumn,
  textColumn,
  labelColumn,
  splitColumn = 'split',
}: ColumnNames): string[] {
  return [imageColumn, textColumn, labelColumn, splitColumn];
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
  const known = askedColumns(names);
  const spare = columns.filter((column) => !known.includes(column));
  const missing = known.filter((column) => !columns.includes(column));
  const misspelt = spare.filter((column) => closest(column, missing));
  for (const column of misspelt) {
    const meant = closest(column, missing);
    problems.add(file, `unknown column ${JSON.stringify(column)}; did you mean ${JSON.stringify(meant)}?`);
  }
  if (misspelt.length > 0) return false;
  const found = `the columns are ${quoteSome(columns)}`;
  if (missing.includes(labelColumn)) problems.add(file, `there is no column "${labelColumn}"; ${found}`);
  if (missing.includes(imageColumn) && missing.includes(textColumn)) {
    problems.add(file, `there is neither a column "${imageColumn}" nor a column "${textColumn}"; ${found}`);
  }
  const unused = quoteSome(spare);
  if (unused) notes.push(`${file}: not used: ${spare.length === 1 ? 'column' : 'columns'} ${unused}`);
  return !missing.includes(labelColumn);
}

async function readRow(
  { row, values }: TableRow,
  place: MetadataPlace,
  names: ColumnNames,
  problems: Problems,
): Promise<FoundExample | undefined> {
  const { imageColumn, textColumn, labelColumn, splitColumn = 'split' } = names;
  const at = `${place.name} row ${row}`;
  const read = (column: string) => {
    const value = readText(values.get(column));
    if (value === null) problems.add(at, `the value of "${column}" is neither text nor a number`);
    return value;
  };
  const inline = values.get(imageColumn);
  const fileName = isInlinePicture(inline) ? '' : read(imageColumn);
  const [text, side] = [textColumn, splitColumn].map(read);
  const truth = readTruth(values.get(labelColumn), names);
  if ('problem' in truth) problems.add(at, truth.problem);
  if (fileName === null || text === null || side === null) return undefined;
  const example: Omit<FoundExample, 'truth'> = { at, row, content: {} };
  if (text) example.content.text = text;
  if (text.includes('\0')) problems.add(at, 'a zero byte stands in the text; remove it');
  const found = isInlinePicture(inline)
    ? inline
    : fileName && (await findInside(place.root, place.folder, fileName));
  if (found && 'path' in found) example.content.image = found;
  else if (found) problems.add(at, found.problem);
  else if (!text) problems.add(at, 'neither a picture nor a text');
  if (side && side !== 'train' && side !== 'test')
    problems.add(at, `the split ${quote(side)} is neither "train" nor "test"`);
  const given = side === 'train' || side === 'test' ? side : (place.split ?? splitFromPath(fileName));
  if (given) example.split = given;
  return 'problem' in truth ? undefined : { ...example, truth };
}

function isInlinePicture(value: unknown): value is InlinePicture {
  return typeof value === 'object' && value !== null && ('path' in value || 'problem' in value);
}

/** As on the hub: a metadata file above `train/` and `test/` names pictures in them. */
function splitFromPath(fileName: string): 'train' | 'test' | undefined {
  const first = /^(train|test)[/\\]/.exec(fileName)?.[1];
  return first as 'train' | 'test' | undefined;
}
