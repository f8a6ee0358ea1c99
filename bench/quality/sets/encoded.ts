import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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

/** An image to draw, and what stands about it in the dataset. */
export interface DrawnExample {
  svg: string;
  text: string;
  label: string;
}

/** Draws the examples into a temporary dataset and encodes it as a training would. */
export async function encodeDrawn(examples: readonly DrawnExample[]): Promise<EncodedDataset> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-quality-'));
  try {
    const names = examples.map((_, index) => `${index}.png`);
    await drawImages(examples.map(({ svg }, index) => ({ path: path.join(folder, names[index]), svg })));
    const rows = examples.map(({ text, label }, index) =>
      JSON.stringify({ file_name: names[index], text, label }),
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
  const encoders = await loadEncoders(encoderOptions(readSettings(encoderSettings, {}, process.env)));
  try {
    return { dataset, table: await loadTable(await extractFeatures(encoders, dataset, { fitting })) };
  } finally {
    await encoders.close();
  }
}
