import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSampleSet } from '../../scripts/build-sample-set.ts';
import { encoderOptions } from '../../src/commands/options.ts';
import { encoderSettings, readSettings } from '../../src/config.ts';
import { loadEncoders } from '../../src/inference/encoders.ts';
import { type Dataset, readDataset } from '../../src/training/dataset/dataset.ts';
import type { FeatureTable } from '../../src/training/feature-table.ts';
import { extractFeatures } from '../../src/training/features.ts';

/**
 * Encodes a dataset with the default encoders.
 * @param folder the dataset; the sample set, built for the occasion, where absent
 */
export async function encodeDataset(folder?: string): Promise<{ dataset: Dataset; features: FeatureTable }> {
  if (folder === undefined) {
    const temporary = await mkdtemp(path.join(tmpdir(), 'bench-quality-'));
    try {
      const sample = path.join(temporary, 'sample-set');
      await buildSampleSet(sample);
      return await encodeDataset(sample);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  const dataset = await readDataset(folder);
  const encoders = await loadEncoders(encoderOptions(readSettings(encoderSettings, {}, process.env)));
  try {
    return { dataset, features: await extractFeatures(encoders, dataset) };
  } finally {
    await encoders.close();
  }
}
