import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { contentColumnFields } from '../../modalities/content-columns.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import { targetKinds } from '../../targets/target-kind.ts';
import type { Findings } from './findings.ts';

/** The file beside an exported `metadata.jsonl` that says how it is to be read, so that it imports identically. */
export const readingFile = 'dataset.json';

const schema = z.object({
  tandem: z.literal('dataset'),
  labelColumn: z.string(),
  target: z.enum(targetKinds),
  /** Earlier releases wrote several labels as one text. */
  labelSeparator: z.string().optional(),
  // Said where the label's column has a name that another one usually has, and where a modality has columns of its own.
  ...contentColumnFields,
  splitColumn: z.string().optional(),
  groupColumn: z.string().optional(),
  ignoredColumns: z.array(z.string()).readonly().optional(),
});

type Reading = Omit<z.infer<typeof schema>, 'tandem'>;

/** Bytes that such a file has at most; one that is larger is any other file. */
const maximumBytes = 2 ** 16;

/** @example formatReading({ labelColumn: 'price', target: 'regression' }) */
export function formatReading(reading: Reading): string {
  return `${JSON.stringify({ tandem: 'dataset', ...reading }, null, 2)}\n`;
}

/**
 * How a folder that was exported wants to be read; nothing where it is any other folder. A file that may not be read is a
 * problem.
 */
export async function readReading(folder: string, findings: Findings): Promise<Partial<Reading>> {
  const file = join(folder, readingFile);
  try {
    if ((await stat(file)).size > maximumBytes) return {};
    const text = await readFile(file, 'utf8');
    const { tandem: _, ...reading } = schema.parse(JSON.parse(text));
    return reading;
  } catch (error) {
    const problem = problemOfPermissions(error);
    // What keeps this process out of the folder is told once, of the folder.
    if (problem !== undefined && (error as NodeJS.ErrnoException).syscall === 'open')
      findings.addProblem(readingFile, problem);
    // There is none, or the dataset has another file of that name.
    return {};
  }
}
