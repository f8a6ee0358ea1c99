import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { itemAt } from '../indexing.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { isModelFolder } from './add.ts';
import { writeEncoder } from './convert.ts';
import type { Hub } from './hub/hub.ts';
import { cachedSnapshot } from './hub/model-cache.ts';
import { parseModelName } from './hub/model-name.ts';
import { ModelFolder } from './model/model-folder.ts';
import { type Dtype, weightsBeside } from './model/weights.ts';
import { type EncoderOrigin, toldSettings } from './origin.ts';
import type { EncoderPlaces, FoundEncoder } from './places.ts';
import { proofFeatures } from './prove.ts';

/** How far the features of a type of weights are from those of fp32: cosines over the items of a proof. */
export interface DtypeDrift {
  dtype: Dtype;
  least: number;
  mean: number;
}

/**
 * Compares the types that an encoder's model has beside fp32 with it, where the model is still where it came from.
 * @returns none where it was not added, its model is gone or has changed, or has fp32 alone or not
 * @throws TandemError as `addEncoder` and `proveEncoder`
 * @example await measureDrift(encoder, { hub, places, threads: 2 }) // [{ dtype: 'fp16', least: 0.99998, mean: 0.99999 }]
 */
export async function measureDrift(
  { id, modality, origin }: Pick<FoundEncoder, 'id' | 'modality' | 'origin'>,
  { hub, places, threads }: { hub: Hub; places: EncoderPlaces; threads: number },
): Promise<DtypeDrift[]> {
  const source = origin && (await sourceFolder(origin, hub));
  if (!origin || !source) return [];
  const model = await ModelFolder.open(source);
  const dtypes = weightsBeside(model, origin.weights.file).flatMap(({ dtype }) => dtype ?? []);
  if (!dtypes.includes('fp32') || dtypes.length === 1) return [];
  const features = async (dtype: Dtype) => {
    const staging = path.join(places.added, `.comparing-${randomUUID()}`);
    try {
      await writeEncoder(model, staging, { ...toldSettings(origin), id, modality, dtype });
      return await proofFeatures(staging, threads);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  };
  const reference = await features('fp32');
  const drifts: DtypeDrift[] = [];
  for (const dtype of dtypes.filter((each) => each !== 'fp32')) {
    const rows = await features(dtype);
    const cosines = rows.map((row, index) => cosine(row, itemAt(reference, index)));
    const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
    drifts.push({ dtype, least: Math.min(...cosines), mean });
  }
  return drifts;
}

/** The model's folder, where it is still what the encoder was made of. */
async function sourceFolder({ folder, weights }: EncoderOrigin, hub: Hub): Promise<string | undefined> {
  const model = parseModelName(folder);
  const source = model?.revision ? await cachedSnapshot(hub, model, model.revision) : folder;
  if (source === undefined || !(await isModelFolder(source))) return undefined;
  const sha256 = await sha256OfFile(path.join(source, weights.file)).catch(() => undefined);
  return sha256 === weights.sha256 ? source : undefined;
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, ofA, ofB] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? Number.NaN;
    dot += value * other;
    ofA += value * value;
    ofB += other * other;
  }
  return dot / Math.sqrt(ofA * ofB);
}
