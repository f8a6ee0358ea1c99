import { expect, it } from 'vitest';
import { hashInNoOrder } from '../../../src/datasets/dataset.ts';
import { compareManifests } from '../../../src/evaluation/compare-manifests.ts';
import type { HeadManifest } from '../../../src/heads/manifest.ts';
import { sampleReport } from '../reports/report-sample.ts';

const { manifest: sample } = sampleReport({ examples: 80 });

/** The sample with another training, and whatever else is said. */
function version(
  number: number,
  training: Partial<HeadManifest['training']>,
  other: object = {},
): HeadManifest {
  return {
    ...sample,
    version: number,
    training: { ...sample.training, testHash: 't', ...training },
    ...other,
  };
}

it('finds nothing that differs between versions that were trained alike', () => {
  const { differences, labels, testedOn, figures } = compareManifests(version(1, {}), version(2, {}));
  expect(differences).toEqual([]);
  expect(labels).toEqual({ added: [], removed: [] });
  expect(testedOn).toEqual({ examples: 'the same', why: 'measured on the same 80 test examples' });
  for (const { difference } of figures) expect(difference).toBe(0);
});

it('names everything that differs by its place in head.json, and nothing that follows from it', () => {
  const first = version(1, { seconds: { features: 1, training: 2, total: 3 } });
  const second = version(
    2,
    {
      datasetHash: 'c'.repeat(64),
      testHash: 'u',
      seed: 8,
      recipe: {
        ...sample.training.recipe,
        adapter: 'linear',
        optimizer: { ...(sample.training.recipe.optimizer as object), weightDecay: 0.1 },
      },
      seconds: { features: 4, training: 5, total: 9 },
    },
    {
      labels: [...sample.labels.slice(1), 'yak'],
      createdAt: '2026-04-01T00:00:00.000Z',
      weights: 'd'.repeat(64),
      calibration: { fused: [1, 0, 0], unimodal: [1, 1] },
      encoders: sample.encoders.map((encoder, index) =>
        index === 1 ? { ...encoder, fingerprint: 'another' } : encoder,
      ),
    },
  );
  const { differences, labels } = compareManifests(first, second);
  expect(labels).toEqual({ added: ['yak'], removed: ['astronaut'] });
  expect(differences).toEqual(
    [
      ['encoders.text.fingerprint', 'text'.repeat(10), 'another'],
      ['training.datasetHash', 'a'.repeat(64), 'c'.repeat(64)],
      ['training.seed', 7, 8],
      ['training.recipe.adapter', 'mlp', 'linear'],
      ['training.recipe.optimizer.weightDecay', 0.05, 0.1],
      ['training.testHash', 't', 'u'],
      ['calibration.fused', undefined, [1, 0, 0]],
      ['calibration.unimodal', undefined, [1, 1]],
    ].map(([field, first, second]) => ({ field, first, second })),
  );
});

it('shows the figures of both side by side, with the difference', () => {
  const second = version(
    2,
    {},
    {
      metrics: {
        fused: { ...sample.metrics.fused, accuracy: 0.5 },
        unimodal: { text: sample.metrics.unimodal.text },
      },
    },
  );
  const { figures } = compareManifests(version(1, {}), second);
  const { accuracy } = sample.metrics.fused;
  expect(figures).toContainEqual({
    answersFrom: 'fused',
    name: 'accuracy',
    first: accuracy,
    second: 0.5,
    difference: 0.5 - accuracy,
  });
  expect(figures.find(({ answersFrom }) => answersFrom === 'image')).toEqual({
    answersFrom: 'image',
    name: 'accuracy',
    first: sample.metrics.unimodal.image!.accuracy,
    second: undefined,
    difference: undefined,
  });
});

it.each<[string, Partial<HeadManifest['training']>, string, RegExp]>([
  ['another test split of the same dataset', { testHash: 'u', seed: 8 }, 'others', /test splits .* differ/],
  ['another dataset', { testHash: 'u', datasetHash: 'c' }, 'others', /datasets and test splits differ/],
  ['a dataset that grew beside its test split', { datasetHash: 'c' }, 'the same', /same 80 test examples/],
  ['no word of the test split', { testHash: undefined }, 'unknown', /does not say/],
  [
    'no word of it, and another dataset',
    { testHash: undefined, datasetHash: 'c' },
    'others',
    /datasets differ/,
  ],
  ['no word of it, and another seed', { testHash: undefined, seed: 8 }, 'others', /seeds differ/],
])('says of %s whether the figures may be held against each other', (_what, training, examples, why) => {
  const { testedOn } = compareManifests(version(1, {}), version(2, training));
  expect(testedOn).toEqual({ examples, why: expect.stringMatching(why) });
});

it('holds no figures of different targets against each other', () => {
  const { testedOn } = compareManifests(version(1, {}), version(2, {}, { target: 'multi' }));
  expect(testedOn).toEqual({ examples: 'others', why: expect.stringContaining('targets differ') });
});

it('knows a test split by what its examples hold, whatever their order', () => {
  const [a, b] = [
    { row: 1, content: { text: 'a' }, truth: { class: 'x' } },
    { row: 2, content: { image: { path: '/one.jpg', sha256: '0a' } }, truth: { class: 'y' } },
  ];
  expect(hashInNoOrder([a, b])).toBe(
    hashInNoOrder([
      { ...b, row: 1, content: { image: { path: '/two.jpg', sha256: '0a' } } },
      { ...a, row: 9 },
    ]),
  );
  expect(hashInNoOrder([a, b])).not.toBe(hashInNoOrder([a, { ...b, truth: { class: 'x' } }]));
});
