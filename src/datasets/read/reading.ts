import type { MakeFolder } from '../../modalities/modality.ts';
import type { ReadNames } from '../example.ts';
import type { ColumnGuess } from './choose-columns.ts';
import type { DatasetSize } from './dataset-size.ts';
import type { FetchFile } from './find-file.ts';
import type { Findings } from './findings.ts';

/** What a dataset is read for: to train a head, or to measure one that is there. */
export type DatasetPurpose = 'training' | 'measuring';

/** One reading of a dataset's folder: what everything that takes part in it shares. */
export interface DatasetReading {
  /** The dataset's folder, as `realpath` gives it. */
  root: string;
  /** The table in it that was asked for by its path; else the folder says what there is. */
  table?: string;
  /** Whether links may lead out of the folder: it is on the person's own machine, and was not sent by anybody. */
  followLinks: boolean;
  columns: ReadNames;
  /** Those of the names that somebody chose: such a column must be there. */
  named: ReadonlySet<string>;
  /** Columns that were found under another name than the default one. */
  guesses: ColumnGuess[];
  /** Where images are put that stand in a table themselves; without it they are a problem. */
  inlineFolder?: MakeFolder;
  /** Downloads images that the table has by their addresses; without it these are a problem. */
  fetchFile?: FetchFile;
  /** Counts those that are there. */
  onFetched?(done: number, total: number): void;
  /** Counts the examples and their texts. */
  size: DatasetSize;
  findings: Findings;
}
