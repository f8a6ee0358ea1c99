import { expect, it } from 'vitest';
import {
  acceptanceFor,
  coverageOf,
  findAcceptance,
  type JudgedRow,
} from '../../../src/evaluation/coverage.ts';
import { shareInterval } from '../../../src/evaluation/intervals.ts';
import type { HeadManifest } from '../../../src/heads/manifest.ts';
import { Random } from '../../../src/random.ts';

const row = (certainty: number, isRight: boolean, others: Partial<JudgedRow> = {}): JudgedRow => ({
  certainty,
  isRight,
  isTorn: false,
  isUnlike: false,
  ...others,
});

/** Rows whose probabilities are what they say. */
function calibrated(count: number, seed: number): JudgedRow[] {
  const random = new Random(seed, 'coverage');
  return Array.from({ length: count }, () => {
    const certainty = 0.5 + 0.5 * random.nextFloat();
    return row(certainty, random.nextFloat() < certainty);
  });
}

it('counts what is accepted from each threshold on, and what of it is right', () => {
  const rows = [row(0.9, true), row(0.8, false), row(0.7, true), row(0.7, true)];
  expect(coverageOf(rows)).toEqual({
    rows: 4,
    points: [
      { threshold: 0.9, accepted: 1, right: 1 },
      { threshold: 0.8, accepted: 2, right: 1 },
      { threshold: 0.7, accepted: 4, right: 3 },
    ],
  });
});

it('accepts nothing that is unlike the training, nor what two modalities are sure of in different ways', () => {
  const rows = [row(0.9, true, { isUnlike: true }), row(0.9, true, { isTorn: true }), row(0.7, true)];
  expect(coverageOf(rows).points).toEqual([
    { threshold: 0.9, accepted: 0, right: 0 },
    { threshold: 0.7, accepted: 1, right: 1 },
  ]);
});

it('keeps at most 200 thresholds, the lowest among them', () => {
  const rows = calibrated(5000, 1);
  const { points } = coverageOf(rows);
  expect(points.length).toBeLessThanOrEqual(202);
  expect(points.at(-1)).toMatchObject({
    accepted: 5000,
    threshold: Math.min(...rows.map((r) => r.certainty)),
  });
});

it('takes the lowest threshold whose interval reaches the accuracy, and fresh rows keep to it', () => {
  const found = findAcceptance(coverageOf(calibrated(2000, 2)), 0.9);
  expect(found).toMatchObject({ accuracy: 0.9, reachedBy: 'interval', rows: 2000 });
  const { threshold = 1, right = 0, accepted = 0 } = found ?? {};
  expect(shareInterval(right, accepted)[0]).toBeGreaterThanOrEqual(0.9);
  const fresh = calibrated(20_000, 3).filter(({ certainty }) => certainty >= threshold);
  expect(fresh.filter(({ isRight }) => isRight).length / fresh.length).toBeGreaterThan(0.9);
});

it('goes by the accuracy alone where too few rows were held out for its interval', () => {
  const rows = [...Array.from({ length: 20 }, () => row(0.9, true)), row(0.5, false)];
  expect(findAcceptance(coverageOf(rows), 0.95)).toMatchObject({
    threshold: 0.5,
    reachedBy: 'estimate',
    accepted: 21,
    right: 20,
  });
});

it.each<[string, Partial<HeadManifest>, RegExp]>([
  [
    'no threshold reaches',
    { coverage: coverageOf(Array.from({ length: 40 }, (_, i) => row(0.9, i % 2 === 0))) },
    /at no threshold; the highest is 0\.500 on its 40/,
  ],
  ['too few rows were held out for', { coverage: coverageOf([row(0.9, true)]) }, /1 rows, too few/],
  ['an earlier release kept nothing for', {}, /keeps no coverage/],
])('refuses an accuracy that %s', (_, part, problem) => {
  const manifest = { name: 'pets', version: 3, ...part } as HeadManifest;
  expect(() => acceptanceFor(manifest, 0.9)).toThrow(
    expect.objectContaining({ code: 'invalid-request', message: expect.stringMatching(problem) }),
  );
});
