import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { DatasetCheck } from '../datasets/dataset.ts';
import type { DatasetRecord } from '../datasets/dataset-record.ts';
import type { ColumnNames, Example } from '../datasets/example.ts';
import type { DatasetSource, ImportProgress } from '../datasets/import/import.ts';
import { tableFormatOf } from '../datasets/read/table-formats.ts';
import { TandemError } from '../errors.ts';
import type { DamagedDataset, DatasetPage, DatasetSummary } from '../protocols/pipeline/services.ts';
import type { Page } from '../store/database/page.ts';
import type { Context } from './context.ts';
import { imageFetcher } from './fetch-images.ts';
import type { DatasetOptions } from './open-dataset.ts';

export interface ImportDatasetOptions extends Partial<ColumnNames> {
  /** Name of the data set; that of its folder or file by default. */
  name?: string;
  onBadRows?: DatasetOptions['onBadRows'];
  fetchImages?: DatasetOptions['fetchImages'];
  onProgress?(progress: ImportProgress): void;
}

/** The imported data sets: checked once, each image stored once, named by their id ever after. */
export interface Datasets {
  /**
   * Lists every problem of a data set and keeps nothing.
   * @param source a folder, a table, or a zip or tar file
   * @throws TandemError `unknown-dataset`; `invalid-dataset` where it is laid out in no known way
   */
  check(source: string, options?: ImportDatasetOptions): Promise<Omit<DatasetCheck, 'dataset'>>;
  /**
   * Checks a data set and stores it. On failure nothing stays.
   * @throws TandemError `unknown-dataset`; `invalid-dataset` with every problem (the first 100 of them)
   * @example const { dataset } = await tandem.datasets.import('photos.zip', { name: 'pets' });
   */
  import(
    source: string,
    options?: ImportDatasetOptions,
  ): Promise<{ dataset: DatasetSummary; isNew: boolean }>;
  /**
   * All, or some of them, the newest first, and how many there are; those whose record cannot be read count as well and are
   * reported apart.
   * @example const { datasets, total } = await tandem.datasets.list({ offset: 0, limit: 50 });
   */
  list(page?: Page): Promise<{ datasets: DatasetSummary[]; damaged: DamagedDataset[]; total: number }>;
  /** @throws TandemError `unknown-dataset` */
  get(id: string): Promise<DatasetSummary>;
  /** Some examples, or those of one row, with thumbnails. @throws TandemError `unknown-dataset` */
  rows(id: string, page: Page & { row?: number }): Promise<DatasetPage>;
  /** A zip file that imports as the same data set. @throws TandemError `unknown-dataset` */
  export(id: string): Promise<{ name: string; content: Readable }>;
  /** @throws TandemError `unknown-dataset`; `dataset-in-use`, naming the job that needs it */
  delete(id: string): Promise<void>;
}

const thumbnailsAtOnce = 4;

/** The data sets of a context. */
export function datasetsOf(context: Context): Datasets {
  return {
    async check(source, { fetchImages, ...options } = {}) {
      const { tryImport } = await import('../datasets/import/import.ts');
      const found = await findSource(source);
      const fetchFile = await imageFetcher(context, fetchImages);
      const { dataset: _, ...check } = await context.inScratch((workspace) =>
        tryImport(found, { ...options, workspace, followLinks: true, fetchFile }),
      );
      return check;
    },
    async import(source, { fetchImages, ...options } = {}) {
      const { importDataset } = await import('../datasets/import/import.ts');
      const found = await findSource(source);
      const fetchFile = await imageFetcher(context, fetchImages);
      const catalogue = await context.catalogue();
      const { record, isNew } = await context.inScratch((workspace) =>
        importDataset(catalogue, found, { ...options, workspace, followLinks: true, fetchFile }),
      );
      return { dataset: summarize(record), isNew };
    },
    async list(page) {
      const { records, ...others } = await (await context.catalogue()).list(page);
      return { datasets: records.map(summarize), ...others };
    },
    get: async (id) => summarize(await (await context.catalogue()).get(id)),
    rows: (id, page) => rowsOf(context, id, page),
    async export(id) {
      const { exportDataset } = await import('../datasets/export.ts');
      const catalogue = await context.catalogue();
      const { name } = await catalogue.get(id);
      return { name, content: await exportDataset(catalogue, id) };
    },
    async delete(id) {
      const [{ JobReader }, { deleteUnused }] = await Promise.all([
        import('../jobs/job-reader.ts'),
        import('./delete-dataset.ts'),
      ]);
      await deleteUnused(await context.catalogue(), id, new JobReader((await context.store()).database));
    },
  };
}

async function rowsOf(context: Context, id: string, page: Page & { row?: number }): Promise<DatasetPage> {
  const [{ default: pMap }, { listContent }] = await Promise.all([
    import('p-map'),
    import('../reports/content-views.ts'),
  ]);
  const catalogue = await context.catalogue();
  const { counts } = await catalogue.get(id);
  const list = async ({ row, content, truth, split }: Example) => ({
    row,
    ...(await listContent(content)),
    truth,
    split,
  });
  const rows = await pMap(await catalogue.examples(id, page), list, { concurrency: thumbnailsAtOnce });
  return { total: counts.examples, offset: page.offset, rows };
}

async function findSource(given: string): Promise<DatasetSource> {
  const found = await stat(given).catch(() => undefined);
  if (!found) throw new TandemError('unknown-dataset', `there is no folder or file ${JSON.stringify(given)}`);
  // Images lie beside a table.
  return found.isDirectory() || tableFormatOf(given)
    ? { folder: given }
    : { file: given, fileName: path.basename(given) };
}

/** What people are told of a data set that was imported. */
export function summarize({ format: _, ...record }: DatasetRecord): DatasetSummary {
  return record;
}
