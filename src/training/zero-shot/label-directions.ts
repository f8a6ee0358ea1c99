import { encodeMany } from '../../encoders/encode-many.ts';
import type { Encoders } from '../../encoders/encoders.ts';
import { itemAt } from '../../indexing.ts';
import { labelPlace } from './request.ts';

/**
 * The direction of each label in the space of the text encoder: its name in every template, each scaled to length 1, then
 * their mean, scaled again. Averaging features rather than answers is CLIP's prompt ensembling (Radford et al. 2021, 3.1.4).
 * @returns [labels, dimension], each row of length 1
 * @throws whatever the encoder throws
 * @example await labelDirections(encoders, ['cat', 'dog'], ['a photo of a {}']);
 */
export async function labelDirections(
  encoders: Encoders,
  labels: readonly string[],
  templates: readonly string[],
  signal?: AbortSignal,
): Promise<Float32Array> {
  const texts = labels.flatMap((label) =>
    templates.map((template) => template.replaceAll(labelPlace, () => label)),
  );
  const encoded = await encodeMany(encoders, 'text', texts, signal);
  const { dimension } = encoders.byModality.text[0];
  const directions = new Float32Array(labels.length * dimension);
  for (const [label] of labels.entries()) {
    const sum = new Float64Array(dimension);
    for (let own = 0; own < templates.length; own++) {
      const features = itemAt(encoded, label * templates.length + own);
      if (features instanceof Error) throw features;
      addUnit(sum, features);
    }
    directions.set(unitOf(sum), label * dimension);
  }
  return directions;
}

function addUnit(sum: Float64Array, row: Float32Array): void {
  for (const [index, value] of unitOf(row).entries()) sum[index] = (sum[index] ?? Number.NaN) + value;
}

/** A row scaled to length 1. */
function unitOf(row: ArrayLike<number>): Float64Array {
  const unit = Float64Array.from(row);
  const length = Math.sqrt(unit.reduce((total, value) => total + value * value, 0));
  return unit.map((value) => value / length);
}
