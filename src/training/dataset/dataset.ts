import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { TandemError } from '../../errors.ts';
import { contentOf } from '../split.ts';
import type { ColumnNames, Dataset, Example } from './example.ts';
import { checkLabels, noteTwins } from './labels.ts';
import { findExamples } from './layout.ts';
import { checkPictures } from './pictures.ts';
import { Problems } from './problems.ts';

export type { Dataset, Example } from './example.ts';

/**
 * Reads a dataset and checks all of it before anything is done with it. Nothing is written.
 *
 * The folder holds `metadata.csv` or `metadata.jsonl` with the columns `file_name`, `text`, `label` and perhaps
 * `split` (`train` or `test`), or one folder per class with pictures (and `name.txt` as the text of `name.jpg`),
 * or `train/` and `test/` with either. A row may lack the picture or the text, not both.
 * @param columns names of a metadata file's columns, where they are others
 * @throws TandemError `unknown-dataset` where there is no such folder or it is laid out in no known way;
 * `invalid-dataset` with every problem and its row (the first 100 of them)
 * @example
 * const dataset = await readDataset('data/samples/emoji');
 * const captions = await readDataset('data/photos', { textColumn: 'caption' });
 */
export async function readDataset(
  folder: string,
  { imageColumn = 'file_name', textColumn = 'text', labelColumn = 'label' }: Partial<ColumnNames> = {},
): Promise<Dataset> {
  const root = await realpath(folder).catch(() => undefined);
  if (root === undefined || !(await stat(root)).isDirectory()) {
    throw new TandemError('unknown-dataset', `there is no folder ${JSON.stringify(folder)}`);
  }
  const name = basename(root);
  const columns = { imageColumn, textColumn, labelColumn };
  const problems = new Problems();
  const notes: string[] = [];
  const found = await findExamples(root, columns, problems, notes);
  if (!found)
    throw new TandemError('unknown-dataset', `${name} has neither a metadata file nor a folder per class`);
  const checked = await checkPictures(found, problems);
  checkLabels(found, name, problems);
  problems.throwIfAny(name);
  noteTwins(checked, contentOf, notes);
  const examples = checked.map(({ at: _, ...example }): Example => example);
  const labels = [...new Set(examples.map(({ label }) => label))].sort();
  return { name, folder: root, labels, examples, hash: hashExamples(examples), notes };
}

function hashExamples(examples: Example[]): string {
  const hash = createHash('sha256');
  for (const { imageHash, text, label, split } of examples) {
    hash.update(`${JSON.stringify([imageHash ?? null, text ?? null, label, split ?? null])}\n`);
  }
  return hash.digest('hex');
}
