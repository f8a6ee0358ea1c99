import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DatasetSource } from '../datasets/import/import.ts';
import type { ImportProcesses } from '../datasets/import/import-processes.ts';
import { TandemError } from '../errors.ts';
import type { DatasetSummary, DatasetUpload, Services } from '../protocols/pipeline/services.ts';
import { openRemote } from '../remote/open-remote.ts';
import type { Context } from './context.ts';
import { type Datasets, summarize } from './datasets.ts';

/** Milliseconds for a dataset at an address. */
const downloadTimeout = 3_600_000;

/**
 * What the HTTP layer asks about data sets: the library's, and imports in processes of their own.
 * @param workspace folder for what is fetched meanwhile
 */
export function datasetServices(
  { settings }: Context,
  datasets: Datasets,
  { imports, workspace }: { imports: ImportProcesses; workspace: string },
): Services['datasets'] {
  const place: Place = {
    data: settings.data,
    workspace,
    fetchUrls: settings['fetch-urls'] === 'on',
    maximumBytes: settings['max-upload'] * 2 ** 20,
  };
  return {
    ...datasets,
    add: (upload, signal) =>
      withSource(upload, { ...place, signal }, async (source, options) => {
        const { record, isNew } = await imports.import(source, options, signal);
        return { dataset: summarize(record), isNew };
      }),
    try: (upload, signal) =>
      withSource(upload, { ...place, signal }, async (source, options) => {
        const { preview, ...trial } = await imports.try(source, options, signal);
        return { ...trial, preview: preview.map(({ content, ...example }) => ({ ...example, ...content })) };
      }),
    async list(page) {
      const { datasets: listed, ...others } = await datasets.list(page);
      return { datasets: listed.map(abridge), ...others };
    },
  };
}

interface Place {
  /** Folder of all data; folders that requests may name lie in its `datasets`. */
  data: string;
  workspace: string;
  /** Whether addresses are fetched, and how many bytes of each at most. */
  fetchUrls: boolean;
  maximumBytes: number;
}

async function withSource<Result>(
  { source, options: settings }: DatasetUpload,
  { data, workspace, fetchUrls, maximumBytes, signal }: Place & { signal: AbortSignal },
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
const mostListed = { labels: 100, notes: 20, note: 1000 };

/** Earlier releases kept whatever a table brought, however long. */
function abridge({ counts, notes, ...summary }: DatasetSummary): DatasetSummary {
  return {
    ...summary,
    counts: { ...counts, labels: counts.labels.slice(0, mostListed.labels) },
    notes: notes.slice(0, mostListed.notes).map((note) => note.slice(0, mostListed.note)),
  };
}
