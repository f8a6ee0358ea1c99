import { extname } from 'node:path';
import type { PretrainedModality } from '../../modalities/modality.ts';
import { type PretrainedName, pretrainedModalities } from '../../modalities/registry.ts';
import { tableLimits } from './table-row.ts';
import { readTextFile } from './text-file.ts';

/** Bytes of a text file that is read. */
const maximumTextBytes = 2 ** 20;

/** The text of an item, without space around it, or what is wrong with its file in words. */
export async function readItemText(file: string): Promise<{ text: string } | { problem: string }> {
  const read = await readTextFile(file, maximumTextBytes);
  if ('problem' in read) return read;
  const text = read.text.trim();
  if (text.length <= tableLimits.value) return { text };
  return { problem: `the text has ${text.length} characters; ${tableLimits.value} are the limit` };
}

/** Whether a file is of a modality, by how its name ends. */
export function isFileOf({ extensions }: PretrainedModality<PretrainedName>, name: string): boolean {
  return extensions.includes(extname(name).toLowerCase());
}

/**
 * What to do about a file that a modality might have in another format.
 * @example hintFor('cat.heic') // 'HEIC is not read; convert it to JPEG or PNG'
 */
export function hintFor(name: string): string | undefined {
  const extension = extname(name).toLowerCase();
  if (extension === '.arrow') return 'what save_to_disk writes is not read; write it with to_parquet';
  const unsupported = pretrainedModalities.find((modality) =>
    modality.unsupported?.extensions.includes(extension),
  );
  if (!unsupported?.unsupported) return undefined;
  return `${extension.slice(1).toUpperCase()} is not read; ${unsupported.unsupported.hint}`;
}
