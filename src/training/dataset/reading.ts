import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ColumnNames } from './example.ts';

/** The file beside an exported `metadata.jsonl` that says how it is to be read, so that it imports identically. */
export const readingFile = 'dataset.json';

const schema = z.object({
  tandem: z.literal('dataset'),
  labelColumn: z.string(),
  target: z.enum(['single', 'multi', 'regression']),
  labelSeparator: z.string(),
});

type Reading = Pick<ColumnNames, 'labelColumn' | 'target' | 'labelSeparator'>;

/** @example formatReading({ labelColumn: 'price', target: 'regression', labelSeparator: '|' }) */
export function formatReading(reading: Reading): string {
  return `${JSON.stringify({ tandem: 'dataset', ...reading }, null, 2)}\n`;
}

/** How a folder that was exported wants to be read; nothing where it is any other folder. */
export async function readReading(folder: string): Promise<Partial<Reading>> {
  const text = await readFile(join(folder, readingFile), 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  try {
    const { tandem: _, ...reading } = schema.parse(JSON.parse(text));
    return reading;
  } catch {
    // Any dataset may have a file of that name.
    return {};
  }
}
