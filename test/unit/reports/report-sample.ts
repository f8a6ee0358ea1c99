import path from 'node:path';
import { measureAnswers } from '../../../src/evaluation/answers.ts';
import type { ItemProbabilities } from '../../../src/heads/head.ts';
import type { ModalityName } from '../../../src/modalities/registry.ts';
import { Random } from '../../../src/random.ts';
import type { TruthTable } from '../../../src/targets/truth-table.ts';
import { defaultRecipe } from '../../../src/training/loop/recipe.ts';
import type { ReportInput } from '../../../src/training/report-input.ts';

export const imagesFolder = path.resolve(import.meta.dirname, '../../fixtures/encoders');
/** Photographs, whose thumbnails are as large as any. */
export const photographs = ['astronaut.jpg', 'cat.jpg', 'coffee.jpg', 'rocket.jpg', 'cat-transparent.png'];

export interface SampleOptions {
  labels?: string[];
  examples?: number;
  used?: ModalityName[];
  /** Files of {@link imagesFolder}; by default a small one, as each report decodes dozens. */
  images?: string[];
  /** Share of the examples that lack one modality. */
  partial?: number;
  steps?: number;
  /** Examples of the test split whose label is changed to another one after the head has answered. */
  flipped?: number[];
  /** How far the logit of the true class stands out. */
  strength?: Partial<Record<ModalityName, number>>;
}

/** A report's input as a training might give it: answers are noisy logits around the true class. */
export function sampleReport({
  labels = ['astronaut', 'cat', 'coffee', 'rocket', 'tulip', 'violin', 'walrus', 'zebra'],
  examples = 300,
  used = ['image', 'text'],
  images = ['rocket-small.jpg'],
  partial = 0,
  steps = 150,
  flipped = [],
  strength = { image: 3, text: 4.5 },
}: SampleOptions = {}): ReportInput {
  const random = new Random(7, 'report sample');
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
  const logitsOf = (actual: number, height: number) =>
    labels.map((_, label) => {
      const neighbour = label === (actual + 1) % labels.length ? 0.4 * height : 0;
      return (label === actual ? height : neighbour) + 1.4 * normal();
    });

  const test = Array.from({ length: examples }, (_, index) => {
    const actual = index % labels.length;
    const kept = random.nextFloat() < partial ? [used[random.nextInteger(used.length)]] : used;
    const logits = kept.map((modality) => logitsOf(actual, strength[modality] ?? 0));
    const fused = labels.map((_, label) => logits.reduce((sum, row) => sum + row[label], 0));
    const probabilities: ItemProbabilities = {
      fused: softmaxOf(fused),
      unimodal: Object.fromEntries(kept.map((modality, m) => [modality, softmaxOf(logits[m])])),
    };
    const label = flipped.includes(index) ? (actual + 3) % labels.length : actual;
    return {
      row: index + 2,
      content: {
        ...(kept.includes('image') && {
          image: { path: path.join(imagesFolder, images[index % images.length]) },
        }),
        ...(kept.includes('text') && {
          text: `Something about ${labels[actual]}, number ${index}. `.repeat(1 + (index % 9)),
        }),
      },
      truth: { class: labels[label] },
      probabilities,
    };
  });

  const truth: TruthTable = {
    target: 'single',
    columns: 1,
    values: Int32Array.from(test, ({ truth }) => labels.indexOf(truth.class)),
  };
  const decay = (from: number, to: number, step: number) => to + (from - to) * Math.exp((-5 * step) / steps);
  const overSteps = <Value>(value: (step: number) => Value) =>
    Array.from({ length: steps }, (_, step) => value(step));
  return {
    manifest: {
      format: 1,
      name: 'pets',
      version: 3,
      createdAt: '2026-03-01T09:30:00.000Z',
      target: 'single',
      labels,
      encoders: used.map((modality) => ({
        modality,
        id: modality === 'image' ? 'efficientnet-lite0' : 'all-MiniLM-L6-v2',
        dimension: modality === 'image' ? 1280 : 384,
        fingerprint: modality.repeat(10),
      })),
      metrics: measureAnswers(
        test.map(({ probabilities }) => probabilities),
        truth,
      ),
      training: {
        dataset: 'pets and more',
        datasetHash: 'a'.repeat(64),
        examples: { training: 4 * examples, test: examples },
        seed: 7,
        provider: 'cpu',
        recipe: { ...defaultRecipe },
      },
      weights: 'b'.repeat(64),
    },
    history: {
      loss: overSteps((step) => decay(6, 0.8, step) + 0.2 * Math.abs(normal())),
      accuracy: overSteps((step) => Math.min(1, 0.9 - decay(0.8, 0, step) + 0.05 * normal())),
      gradientNorm: overSteps((step) => decay(4, 0.5, step) * (1 + 0.3 * Math.abs(normal()))),
      statistics: overSteps((step) => {
        const guessing = Math.log(labels.length);
        const H = used.map((_, m) => decay(guessing, 0.3 * guessing * (2 - m), step) * (1 + 0.03 * normal()));
        if (used.length === 1) return [H, [1], [1], [1]];
        const q = H[1] / (H[0] + H[1]);
        const d = decay(0.5, 0.42, step) + 0.01 * normal();
        const k = 1 / (1 + Math.exp(-4 * ((1 - d) * q - d * (1 - q))));
        return [H, [q, 1 - q], [d, 1 - d], [k, 1 - k]];
      }),
    },
    test,
    truth,
  };
}

function softmaxOf(logits: readonly number[]): Float64Array {
  const highest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - highest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return Float64Array.from(exponentials, (value) => value / sum);
}
