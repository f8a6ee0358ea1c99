import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import pMap from 'p-map';
import type { DatasetCatalogue, DatasetRecord } from '../datasets/catalogue.ts';
import type { Example } from '../datasets/example.ts';
import { exportDataset } from '../datasets/export.ts';
import type { DatasetSource } from '../datasets/import/import.ts';
import type { ImportProcesses } from '../datasets/import/import-processes.ts';
import { TandemError } from '../errors.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type {
  DamagedDataset,
  DatasetSummary,
  DatasetUpload,
  Services,
} from '../protocols/pipeline/services.ts';
import { openRemote } from '../remote/open-remote.ts';
import { listContent } from '../reports/content-views.ts';

export interface DatasetServiceOptions {
  catalogue: DatasetCatalogue;
  /** Reads what comes in. */
  imports: ImportProcesses;
  /** Folder of all data; folders that requests may name lie in its `datasets`. */
  data: string;
  /** Folder for what is fetched meanwhile. */
  workspace: string;
  /** Whether addresses are fetched, and how many bytes of each at most. */
  fetchUrls: boolean;
  maximumBytes: number;
  /** What knows which jobs use a dataset. */
  jobs: Pick<JobStore, 'trainingOn'>;
}

/** Milliseconds for a dataset at an address. */
const downloadTimeout = 3_600_000;
const thumbnailsAtOnce = 4;

/** What the HTTP layer asks about datasets. */
export function datasetServices(options: DatasetServiceOptions): Services['datasets'] {
  const { catalogue, imports } = options;
  return {
    add: (upload, signal) =>
      withSource(upload, { ...options, signal }, async (source, settings) => {
        const { record, isNew } = await imports.import(source, settings, signal);
        return { dataset: summarize(record), isNew };
      }),
    try: (upload, signal) =>
      withSource(upload, { ...options, signal }, async (source, settings) => {
        const { preview, ...trial } = await imports.try(source, settings, signal);
        return { ...trial, preview: preview.map(({ content, ...example }) => ({ ...example, ...content })) };
      }),
    async list() {
      const damaged: DamagedDataset[] = [];
      const records = await catalogue.list((id, { message }) => damaged.push({ id, problem: message }));
      return { datasets: records.map((record) => abridge(summarize(record))), damaged };
    },
    get: async (id) => summarize(await catalogue.get(id)),
    async rows(id, page) {
      const { counts } = await catalogue.get(id);
      const examples = await catalogue.examples(id, page);
      const list = async ({ row, content, truth, split }: Example) => ({
        row,
        ...(await listContent(content)),
        truth,
        split,
      });
      const rows = await pMap(examples, list, { concurrency: thumbnailsAtOnce });
      return { total: counts.examples, offset: page.offset, rows };
    },
    async export(id) {
      const { name } = await catalogue.get(id);
      return { name, content: await exportDataset(catalogue, id) };
    },
    async delete(id) {
      await deleteUnused(catalogue, id, options.jobs);
    },
  };
}

/**
 * Deletes a dataset that no job needs any more. A job that is submitted meanwhile either keeps the dataset or is refused.
 * @throws TandemError `dataset-in-use`, naming the job; `unknown-dataset`
 */
export async function deleteUnused(
  catalogue: DatasetCatalogue,
  id: string,
  jobs: Pick<JobStore, 'trainingOn'>,
): Promise<void> {
  await catalogue.delete(id, async (transaction) => {
    const user = await jobs.trainingOn(transaction, id);
    if (user !== undefined) throw new TandemError('dataset-in-use', `the job ${user} trains on it`);
  });
}

async function withSource<Result>(
  { source, options: settings }: DatasetUpload,
  { data, workspace, fetchUrls, maximumBytes, signal }: DatasetServiceOptions & { signal: AbortSignal },
  use: (source: DatasetSource, settings: DatasetUpload['options']) => Promise<Result>,
): Promise<Result> {
  if ('file' in source) return use(source, settings);
  if ('folder' in source) return use({ folder: path.join(data, 'datasets', source.folder) }, settings);
  if (!fetchUrls) throw new TandemError('remote-disabled', 'this server fetches no addresses');
  const file = path.join(workspace, `.download-${randomUUID()}`);
  try {
    const { body, fileName } = await openRemote(source.url, {
      maximumBytes,
      timeout: downloadTimeout,
      signal,
    });
    await pipeline(body, createWriteStream(file, { flags: 'wx' }), { signal });
    return await use({ file, fileName: fileName || 'dataset' }, settings);
  } finally {
    await rm(file, { force: true });
  }
}

/** Labels, notes, and characters of a note that a list of datasets names of each. */
const listed = { labels: 100, notes: 20, note: 1000 };

/** Earlier releases kept whatever a table brought, however long. */
function abridge({ counts, notes, ...summary }: DatasetSummary): DatasetSummary {
  return {
    ...summary,
    counts: { ...counts, labels: counts.labels.slice(0, listed.labels) },
    notes: notes.slice(0, listed.notes).map((note) => note.slice(0, listed.note)),
  };
}

function summarize({ format: _, ...record }: DatasetRecord): DatasetSummary {
  return record;
}
