import { floatsOf, type Tensors } from '../../runtime/tensor.ts';

/** What every step of a training reported. */
export interface TrainingHistory {
  loss: number[];
  accuracy: number[];
  gradientNorm: number[];
  /** By step, the rows H, q, d and k, each with one number per modality. */
  statistics: number[][][];
}

export function emptyHistory(): TrainingHistory {
  return { loss: [], accuracy: [], gradientNorm: [], statistics: [] };
}

/** Adds what a run of steps reported. */
export function record(history: TrainingHistory, results: Tensors, modalities: number): void {
  for (const name of ['loss', 'accuracy', 'gradientNorm'] as const)
    if (name in results) history[name].push(...floatsOf(results, name));
  const statistics = floatsOf(results, 'statistics');
  for (let offset = 0; offset < statistics.length; offset += 4 * modalities)
    history.statistics.push(
      Array.from({ length: 4 }, (_, row) => [
        ...statistics.subarray(offset + row * modalities, offset + (row + 1) * modalities),
      ]),
    );
}
