import { filesIn } from '../datasets/read/file-list.ts';
import { type FetchFile, findFile } from '../datasets/read/find-file.ts';
import { readText } from '../datasets/read/plain-value.ts';
import { tableLimits } from '../datasets/read/table-row.ts';
import { TandemError } from '../errors.ts';
import { columnsOf, type ReadColumns } from '../modalities/content-columns.ts';
import type { Input, PretrainedModality } from '../modalities/modality.ts';
import {
  type FittedName,
  fittedModalities,
  type ModalityName,
  type PretrainedName,
  pretrainedModalities,
} from '../modalities/registry.ts';
import { type NumberNotation, writePlain } from '../number-notation.ts';
import type { SourceRow } from './source.ts';

/** What a row has for a head: inputs of encoders, and values of further columns. */
export interface RowContent {
  inputs: Partial<Record<PretrainedName, Input>>;
  fitted: Partial<Record<FittedName, unknown>>;
}

export interface ReadContentOptions {
  /** That the rows name files in, links resolved. */
  folder: string;
  columns: ReadColumns;
  /** The modalities that are asked for. */
  taken: ReadonlySet<ModalityName>;
  /** How columns write numbers, where it is not as JSON does. */
  notations?: ReadonlyMap<string, NumberNotation>;
  /** Downloads images that rows have by their addresses; without it these are a problem. */
  fetchFile?: FetchFile;
}

/**
 * Reads what a row has of the modalities that are asked for.
 * @returns or what is wrong with it, in words
 */
export async function readContent(
  source: SourceRow,
  { folder, columns, taken, notations, fetchFile }: ReadContentOptions,
): Promise<RowContent | { problem: string }> {
  const { values, content, problem } = source;
  if (problem !== undefined) return { problem };
  const read: RowContent = { inputs: {}, fitted: {} };
  for (const modality of pretrainedModalities.filter(({ name }) => taken.has(name))) {
    const { name, inputOf } = modality;
    const [column = ''] = columnsOf(columns, name);
    const input = content
      ? content[name] !== undefined && { input: inputOf(content[name]) }
      : await readCell(modality, { column, value: values.get(column) }, { folder, fetchFile });
    if (input && 'problem' in input) return input;
    if (input) read.inputs[name] = input.input;
  }
  for (const { name, fromCells } of fittedModalities.filter(({ name }) => taken.has(name))) {
    const cells = new Map<string, string>();
    for (const column of columnsOf(columns, name)) {
      const cell = readText(values.get(column));
      if (cell === null) return notPlain(column);
      cells.set(column, writePlain(cell, notations?.get(column) ?? 'plain'));
    }
    const given = fromCells(cells);
    if (given !== undefined) read.fitted[name] = given;
  }
  if (Object.keys({ ...read.inputs, ...read.fitted }).length > 0) return read;
  return { problem: `it has no ${[...taken].join(' and no ')}` };
}

/** @returns undefined where the cell is empty */
async function readCell(
  { inline, fromCell, inputOf }: PretrainedModality<PretrainedName>,
  { column, value: given }: { column: string; value: unknown },
  { folder, fetchFile }: Pick<ReadContentOptions, 'folder' | 'fetchFile'>,
): Promise<{ input: Input } | { problem: string } | undefined> {
  const list = inline && filesIn(given);
  const value = list ? list[0] : given;
  if (inline?.is(value)) return inlineBytes(() => inline.bytesOf(value));
  const cell = readText(value);
  if (cell === null) return notPlain(column);
  if (cell === '') return undefined;
  if (cell.length > tableLimits.value)
    return {
      problem: `the value of "${column}" has ${cell.length} characters; ${tableLimits.value} are the limit`,
    };
  const find = (name: string) => findFile({ root: folder, followLinks: true, fetchFile }, folder, name);
  const read = await fromCell(cell, find);
  return 'problem' in read ? read : { input: inputOf(read.reference) };
}

function inlineBytes(decode: () => Uint8Array): { input: Uint8Array } | { problem: string } {
  try {
    return { input: decode() };
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { problem: error.message };
  }
}

function notPlain(column: string): { problem: string } {
  return { problem: `the value of "${column}" is neither text nor a number` };
}
