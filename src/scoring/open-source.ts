import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { metadataFileNames } from '../datasets/read/metadata-file.ts';
import { tableExtensions, tableFormatOf } from '../datasets/read/table-formats.ts';
import { TandemError } from '../errors.ts';
import { exists } from '../store/files/exists.ts';
import { folderSource } from './folder-source.ts';
import type { RowSource } from './source.ts';
import { tableSource } from './table-source.ts';

/**
 * Opens what is to be scored: a table, a folder with a table (`metadata.csv`), or a folder of files.
 * @throws TandemError `unknown-dataset` where there is nothing, or a file that is no table
 * @example const { columns, rows } = await (await openSource('listings.csv')).survey();
 */
export async function openSource(given: string): Promise<RowSource> {
  const found = await stat(given).catch(() => undefined);
  const quoted = JSON.stringify(given);
  if (!found)
    throw new TandemError('unknown-dataset', `there is neither a file nor a folder ${quoted}`, { fix });
  if (!found.isDirectory()) {
    if (tableFormatOf(given)) return tableSource(given, await realpath(path.dirname(given)));
    throw new TandemError('unknown-dataset', `${quoted} is no table that can be read`, { fix });
  }
  const folder = await realpath(given);
  for (const name of metadataFileNames)
    if (await exists(path.join(folder, name))) return tableSource(path.join(folder, name), folder);
  return folderSource(folder);
}

const fix = `Name a table (${tableExtensions}), or a folder of files.`;
