import type { Failure } from '../../failure.ts';
import type { StoreOptions } from '../../store/store.ts';
import type { DatasetCheck } from '../dataset.ts';
import type { DatasetRecord } from '../dataset-record.ts';
import type { ColumnNames } from '../example.ts';
import type { DatasetSource, ImportProgress } from './import.ts';

/** What an import process is told. */
export interface ImportOrder {
  source: DatasetSource;
  options: Partial<ColumnNames> & { name?: string };
  /** Folder that the import has to itself, which the caller removes. */
  scratch: string;
  /** Where the dataset is to be kept, and what the import calls itself there; a dry run keeps nothing. */
  keep?: { store: StoreOptions; importing: string };
}

/** What is found out about a dataset that is only checked, at a length that can be sent. */
export type ImportTrial = Omit<DatasetCheck, 'dataset'>;

/** What an import process tells. */
export type ImportMessage =
  | { kind: 'progress'; progress: ImportProgress }
  | { kind: 'imported'; record: DatasetRecord; isNew: boolean }
  | { kind: 'tried'; trial: ImportTrial }
  | { kind: 'failed'; failure: Failure };
