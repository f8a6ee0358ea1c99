import type { Content } from '../modalities/registry.ts';
import type { FoundNotation } from '../number-notation.ts';

/** A row to answer. */
export interface SourceRow {
  /** Line of the table where it begins, the first line being 1; of a folder its number, from 1. */
  row: number;
  /** Its cells, by column. */
  values: ReadonlyMap<string, unknown>;
  /** Its content, where no cell holds it: of files in a folder. */
  content?: Content;
  /** What keeps it from being answered, in words. */
  problem?: string;
}

/** What one reading of all rows finds out. */
export interface Survey {
  /** In order of their first row. */
  columns: string[];
  rows: number;
  /** Other rows, another identity: sha256 of a table; of a folder, of the names, sizes and times of its files. */
  identity: string;
  /** How the cells of each column write numbers, where they do. */
  notations?: ReadonlyMap<string, FoundNotation>;
  /** What a person may want to know of it. */
  notes: string[];
}

/** A table, or a folder of files, whose rows are to be answered. It may be read several times. */
export interface RowSource {
  /** How messages call it. */
  name: string;
  /** Absolute path of the folder that the rows name files in, links resolved. */
  folder: string;
  /** @throws TandemError `invalid-dataset` where it cannot be read to its end */
  survey(): Promise<Survey>;
  /** In order. What is wrong with one row is its `problem`. */
  rows(): AsyncGenerator<SourceRow>;
}
