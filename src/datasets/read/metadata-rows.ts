import pMap from 'p-map';
import { columnsOf } from '../../modalities/content-columns.ts';
import type { FoundFile, PretrainedModality, ReadContent } from '../../modalities/modality.ts';
import {
  type Content,
  fittedModalities,
  modalities,
  type PretrainedName,
  pretrainedModalities,
} from '../../modalities/registry.ts';
import { quote } from '../../quote.ts';
import type { FoundExample, ReadNames } from '../example.ts';
import { askedColumns, checkColumns } from './check-columns.ts';
import { type ChosenColumns, chooseColumns, describeGuesses } from './choose-columns.ts';
import { findFile, isAddress } from './find-file.ts';
import { readTruth } from './label-column.ts';
import { type KeptColumns, readMetadataFile } from './metadata-file.ts';
import { readText } from './plain-value.ts';
import { readNumbers } from './read-numbers.ts';
import type { DatasetReading } from './reading.ts';
import { rowsOfFiles, type SeveralColumns, severalColumns } from './several-files.ts';
import type { TableRow } from './table-row.ts';

export interface MetadataPlace {
  /** Where the metadata file is: the root or one folder below. */
  folder: string;
  /** Absolute path of the metadata file, and how problems call it. */
  path: string;
  name: string;
  /** How notes call it, where there are several like it. */
  called?: string;
  /** The side that all its rows belong to, where the folder says so. */
  split?: 'train' | 'test';
}

/**
 * Turns a metadata file into examples; each row that cannot become one becomes problems.
 * Columns that are not asked for are noted, unless one looks like a misspelt name: then it is a problem.
 */
export async function readMetadataRows(
  reading: DatasetReading,
  place: MetadataPlace,
): Promise<FoundExample[]> {
  const { path, name, called = name } = place;
  const { findings, guesses } = reading;
  let several: SeveralColumns[] = [];
  let chosen: ChosenColumns = { names: reading.columns, guesses: [], problems: [] };
  const choose = (columns: readonly string[]): KeptColumns | undefined => {
    chosen = chooseColumns(reading.columns, reading.named, columns, {
      fetches: reading.fetchFile !== undefined,
    });
    for (const problem of chosen.problems) findings.addProblem(name, problem);
    if (chosen.problems.length > 0) return undefined;
    several = severalColumns(chosen.names, columns);
    const more = several.flatMap(({ more }) => more);
    chosen.names.ignoredColumns = [...(chosen.names.ignoredColumns ?? []), ...more];
    return {
      columns: [...askedColumns(chosen.names), ...more],
      files: fileColumnsOf(chosen.names, several),
      isEach: chosen.names.images === 'each',
    };
  };
  const table = await readMetadataFile(reading, { path, name, choose });
  if (!table || chosen.problems.length > 0) return [];
  const { columns, rows } = table;
  if (!guesses.some(({ file }) => file === called))
    for (const guess of chosen.guesses) guesses.push({ file: called, ...guess });
  findings.addNotes(...describeGuesses(called, chosen.guesses));
  const { names } = chosen;
  if (!checkColumns({ ...reading, columns: names }, columns, called)) return [];
  if (!readNumbers(rows, names, { name: called, findings })) return [];
  await fetchFiles(reading, rows, fileColumnsOf(names, several));
  const examples: FoundExample[] = [];
  // Each row is let free when its example is made: there may be millions.
  rows.reverse();
  for (let row = rows.pop(); row; row = rows.pop()) {
    const own = rowsOfFiles(row, several);
    const rowAt = `${name} row ${row.row}`;
    for (const [index, each] of own.entries()) {
      // One file that cannot be used does not spoil the others of its row.
      const at = own.length > 1 ? `${rowAt}, file ${index + 1}` : rowAt;
      const example = await readRow({ ...reading, columns: names }, each, { ...place, at, rowAt });
      if (example) examples.push(own.length > 1 ? { group: rowAt, ...example } : example);
    }
  }
  return examples;
}

/** Addresses whose files are asked for at a time; fewer are downloaded. */
const addressesAtOnce = 64;

/** Downloads what rows name by addresses, many at a time; what cannot be had is told of its row later. */
async function fetchFiles(
  { fetchFile, onFetched }: DatasetReading,
  rows: readonly TableRow[],
  files: KeptColumns['files'],
): Promise<void> {
  if (!fetchFile) return;
  const cells = rows.flatMap(({ values }) => [...files.keys()].flatMap((column) => values.get(column)));
  const addresses = [...new Set(cells.filter(isAddress).map((address) => address.trim()))];
  let done = 0;
  const fetchOne = async (address: string) => {
    await fetchFile(address);
    onFetched?.(++done, addresses.length);
  };
  await pMap(addresses, fetchOne, { concurrency: addressesAtOnce });
}

/** The columns that name files. */
function fileColumnsOf(names: ReadNames, several: readonly SeveralColumns[]): KeptColumns['files'] {
  return new Map(
    pretrainedModalities.flatMap(({ name, inline }) =>
      columnsOf(names, name).flatMap((own) => {
        const more = several.find(({ column }) => column === own)?.more ?? [];
        return inline ? [own, ...more].map((column) => [column, inline] as const) : [];
      }),
    ),
  );
}

/** What an example may have, of the modalities whose columns are asked for. */
function askedNouns(names: ReadNames): string[] {
  return modalities.flatMap(({ name, noun }) => (columnsOf(names, name).length > 0 ? noun : []));
}

/**
 * The content of a row that stands in several columns.
 * @returns undefined where one of them holds what is neither text nor a number
 */
function readFitted(names: ReadNames, read: (column: string) => string | null): Partial<Content> | undefined {
  const content: Partial<Content> = {};
  let isReadable = true;
  for (const { name, fromCells } of fittedModalities) {
    const cells = new Map<string, string>();
    for (const column of columnsOf(names, name)) {
      const cell = read(column);
      if (cell === null) isReadable = false;
      else cells.set(column, cell);
    }
    const reference = fromCells(cells);
    if (reference !== undefined) Object.assign(content, { [name]: reference });
  }
  return isReadable ? content : undefined;
}

async function readRow(
  reading: DatasetReading,
  { row, values }: TableRow,
  place: MetadataPlace & { at: string; rowAt: string },
): Promise<FoundExample | undefined> {
  const { columns: names, findings } = reading;
  const { labelColumn, splitColumn = 'split' } = names;
  const { at, rowAt } = place;
  const addProblem = (detail: string) => findings.addRowProblem(rowAt, detail, at);
  const read = (column: string) => {
    const value = readText(values.get(column));
    if (value === null) addProblem(`the value of "${column}" is neither text nor a number`);
    return value;
  };
  const cells = pretrainedModalities.map((modality) => {
    const column = names[`${modality.name}Column`];
    if (column === null) return { modality, cell: '' };
    const value = values.get(column);
    return { modality, cell: isInlineFile(value) ? value : read(column) };
  });
  const fitted = readFitted(names, read);
  const side = splitColumn === null ? '' : read(splitColumn);
  const group = names.groupColumn === undefined ? '' : read(names.groupColumn);
  const truth = readTruth(values.get(labelColumn), names);
  if ('problem' in truth) addProblem(truth.problem);
  if (side === null || group === null || cells.some(({ cell }) => cell === null) || !fitted) return undefined;
  const content: Content = { ...fitted };
  for (const { modality, cell } of cells) {
    const outcome = await readCell(modality, cell, (name) => findFile(reading, place.folder, name));
    if (outcome && 'reference' in outcome) Object.assign(content, { [modality.name]: outcome.reference });
    else if (outcome) findings.addRowProblem(at, outcome.problem);
  }
  if (cells.every(({ cell }) => !cell) && Object.keys(fitted).length === 0)
    addProblem(`neither ${askedNouns(names).join(' nor ')}`);
  if (side && side !== 'train' && side !== 'test')
    addProblem(`the split ${quote(side)} is neither "train" nor "test"`);
  const fileNames = cells.flatMap(({ modality, cell }) =>
    modality.file && typeof cell === 'string' ? cell : [],
  );
  const fromPath = fileNames.map(splitFromPath).find((split) => split !== undefined);
  const given = side === 'train' || side === 'test' ? side : (place.split ?? fromPath);
  if ('problem' in truth) return undefined;
  return { at, row, content, truth, ...(given && { split: given }), ...(group && { group }) };
}

/** @returns undefined where the cell is empty */
async function readCell(
  { fromCell }: PretrainedModality<PretrainedName>,
  cell: string | FoundFile | null,
  find: (name: string) => Promise<FoundFile>,
): Promise<ReadContent<unknown> | undefined> {
  if (!cell) return undefined;
  if (typeof cell !== 'string') return fromCell('', async () => cell);
  return fromCell(cell, find);
}

function isInlineFile(value: unknown): value is FoundFile {
  return typeof value === 'object' && value !== null && ('path' in value || 'problem' in value);
}

/** As on the hub: a metadata file above `train/` and `test/` names images in them. */
function splitFromPath(fileName: string): 'train' | 'test' | undefined {
  const first = /^(train|test)[/\\]/.exec(fileName)?.[1];
  return first as 'train' | 'test' | undefined;
}
