import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { drawImages } from '../../../scripts/sample-set/draw.ts';
import { encoderOptions } from '../../../src/app/encoder-settings.ts';
import { encoderSettings } from '../../../src/config.ts';
import { readDataset } from '../../../src/datasets/dataset.ts';
import type { ColumnNames, Dataset } from '../../../src/datasets/example.ts';
import { loadEncoders } from '../../../src/encoders/encoders.ts';
import { readSettings } from '../../../src/read-settings.ts';
import {
  type FeatureTable,
  loadTable,
  type MemoryColumn,
} from '../../../src/training/features/feature-table.ts';
import { extractFeatures } from '../../../src/training/features/features.ts';
import { fourFifths, type LabelledFeatures, splitByLabel } from './quality-set.ts';

/** What stands about an image in a dataset. */
interface Described {
  text: string;
  label: string;
}

/** An image to draw. */
export interface DrawnExample extends Described {
  svg: string;
}

/** An image that is there as a file. */
export interface FiledExample extends Described {
  file: string;
}

/** Puts the examples into a temporary dataset, drawn where they must be, and encodes it as a training would. */
export async function encodeExamples(
  examples: readonly (DrawnExample | FiledExample)[],
): Promise<EncodedDataset> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-quality-'));
  try {
    const named = examples.map((example, index) => ({
      example,
      name: `${index}${'file' in example ? path.extname(example.file) : '.png'}`,
    }));
    const toDraw: { path: string; svg: string }[] = [];
    for (const { example, name } of named)
      if ('file' in example) await copyFile(example.file, path.join(folder, name));
      else toDraw.push({ path: path.join(folder, name), svg: example.svg });
    if (toDraw.length > 0) await drawImages(toDraw);
    const rows = named.map(({ name, example: { text, label } }) =>
      JSON.stringify({ file_name: name, text, label }),
    );
    await writeFile(path.join(folder, 'metadata.jsonl'), rows.join('\n'));
    return await encodeFolder(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface EncodedDataset {
  dataset: Dataset;
  table: FeatureTable<MemoryColumn>;
  /** One for each row, empty where there is none. */
  texts: string[];
}

/** Four fifths of each label of an encoded dataset train, by the seed. */
export function splitEncoded({ table, texts, dataset }: EncodedDataset): LabelledFeatures {
  return {
    table,
    texts,
    classes: dataset.labels.length,
    split: (seed) => splitByLabel(table.strata, seed, fourFifths),
  };
}

/**
 * Encodes a dataset with the default encoders. What is fitted is fitted to all rows, so that every seed has the same features,
 * and every contender.
 */
export async function encodeFolder(
  folder: string,
  columns: Partial<ColumnNames> = {},
): Promise<EncodedDataset> {
  const dataset = await readDataset(folder, columns);
  const fitting = { rows: [...dataset.examples.keys()] };
  const encoders = await loadEncoders(await encoderOptions(readSettings(encoderSettings, {}, process.env)));
  try {
    return {
      dataset,
      table: await loadTable(await extractFeatures(encoders, dataset, { fitting })),
      texts: dataset.examples.map(({ content }) => content.text ?? ''),
    };
  } finally {
    await encoders.close();
  }
}
