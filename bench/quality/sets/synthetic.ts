import { Random } from '../../../src/random.ts';
import { softmax } from '../../../src/targets/softmax.ts';
import { type MemoryColumn, memoryColumn } from '../../../src/training/features/feature-table.ts';
import { fourFifths, type LabelledFeatures, type QualitySet, splitByLabel } from './quality-set.ts';

const classes = 10;
/** A class is two clouds in each modality, so that no straight line parts it from the others. */
const clouds = 2;
const dimensions = { image: 192, text: 96 } as const;
/** Length of a cloud's centre, in standard deviations of the noise. */
const distances = { image: 2.2, text: 3 } as const;

function synthetic(examples: number, about: string): QualitySet {
  return { name: `synthetic-${examples}`, about, load: async () => generate(examples) };
}

/** Features drawn from a known distribution: what is best possible is known. */
export const syntheticSets = [
  synthetic(600, 'drawn from clouds of a known form'),
  synthetic(50_000, 'the same, much more of it'),
];

function generate(examples: number): LabelledFeatures {
  const random = new Random(examples, 'synthetic');
  const labels = Int32Array.from({ length: examples }, (_, row) => row % classes);
  const drawn = (['image', 'text'] as const).map((modality) => {
    const dimension = dimensions[modality];
    const centres = Array.from({ length: classes * clouds }, () =>
      direction(random, dimension, distances[modality]),
    );
    const values = new Float32Array(examples * dimension);
    for (let row = 0; row < examples; row++) {
      const centre = centres[labels[row] * clouds + random.nextInteger(clouds)];
      for (let index = 0; index < dimension; index++)
        values[row * dimension + index] = centre[index] + random.nextNormal();
    }
    const column = memoryColumn({ modality, dimension, values, present: new Uint8Array(examples).fill(1) });
    return { column, centres };
  });
  return {
    table: {
      columns: drawn.map(({ column }) => column),
      strata: labels,
      truth: { target: 'single', columns: 1, values: labels },
    },
    classes,
    split: (seed) => splitByLabel(labels, seed, fourFifths),
    truth: (row) => posterior(drawn, row),
  };
}

function direction(random: Random, dimension: number, length: number): Float64Array {
  const vector = Float64Array.from({ length: dimension }, () => random.nextNormal());
  const norm = Math.hypot(...vector);
  return vector.map((value) => (value / norm) * length);
}

/** Bayes' rule: equal priors, unit noise, and the clouds of a class equally likely in each modality by itself. */
function posterior(
  drawn: readonly { column: MemoryColumn; centres: Float64Array[] }[],
  row: number,
): Float64Array {
  const logLikelihoods = Array.from({ length: classes }, (_, label) =>
    drawn
      .map(({ column: { values, dimension }, centres }) => {
        const exponents = Array.from({ length: clouds }, (_, cloud) => {
          let squares = 0;
          for (let index = 0; index < dimension; index++)
            squares += (values[row * dimension + index] - centres[label * clouds + cloud][index]) ** 2;
          return -squares / 2;
        });
        const largest = Math.max(...exponents);
        return largest + Math.log(exponents.reduce((sum, exponent) => sum + Math.exp(exponent - largest), 0));
      })
      .reduce((sum, value) => sum + value, 0),
  );
  return softmax(logLikelihoods);
}
