import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../../src/random.ts';
import {
  bestThreshold,
  chooseHeadThresholds,
  chooseThreshold,
} from '../../../../src/training/search/thresholds.ts';

type Answered = Parameters<typeof bestThreshold>[0];

function figures(answers: Answered, threshold: number) {
  const given = answers.filter(({ probability }) => probability >= threshold);
  const actual = answers.filter(({ isPositive }) => isPositive);
  const right = given.filter(({ isPositive }) => isPositive);
  return {
    given: given.length,
    actual: actual.length,
    f1: (2 * right.length) / (given.length + actual.length),
  };
}

/** Answers of a label that one example in `rarity` bears, and that are told apart by `strength` deviations. */
function answersOf(count: number, { rarity, strength }: { rarity: number; strength: number }): Answered {
  const random = new Random(3, 'thresholds test');
  return Array.from({ length: count }, (_, row) => {
    const isPositive = row % rarity === 0;
    const logit = random.nextNormal() + strength * Number(isPositive) - Math.log(rarity);
    return { probability: 1 / (1 + Math.exp(-logit)), isPositive };
  });
}

describe('the best threshold of a label', () => {
  const answers = fc.array(
    fc.record({ probability: fc.double({ min: 0, max: 1, noNaN: true }), isPositive: fc.boolean() }),
    { minLength: 1, maxLength: 60 },
  );

  it('makes the best F1 of all that give the label no more often than it occurs', () => {
    fc.assert(
      fc.property(answers, (examples) => {
        const chosen = figures(examples, bestThreshold(examples));
        const others = examples
          .map(({ probability }) => figures(examples, probability))
          .filter(({ given, actual }) => given <= actual && given > 0);
        for (const { f1 } of others) expect(chosen.f1).toBeGreaterThanOrEqual(f1 - 1e-12);
        if (others.some(({ f1 }) => f1 > 0)) expect(chosen.given).toBeLessThanOrEqual(chosen.actual);
      }),
    );
  });
});

describe('the threshold of a label', () => {
  it('is its own where that makes a better F1 on other answers', () => {
    const answers = answersOf(1000, { rarity: 10, strength: 2 });
    const threshold = chooseThreshold(answers);
    expect(threshold).toBeLessThan(0.5);
    expect(figures(answers, threshold).f1).toBeGreaterThan(figures(answers, 0.5).f1 + 0.05);
  });

  it('is 0.5 where its own is better by chance alone', () => {
    const sure = answersOf(200, { rarity: 2, strength: 0 }).map(({ isPositive }, row) => ({
      probability: isPositive === (row % 50 !== 0) ? 0.9 : 0.1,
      isPositive,
    }));
    expect(chooseThreshold(sure)).toBe(0.5);
  });

  it('is 0.5 where the label is rare', () => {
    expect(chooseThreshold(answersOf(40, { rarity: 10, strength: 5 }))).toBe(0.5);
  });
});

it('chooses for each modality by its own answers, and for all together by complete examples', () => {
  const [sharp, blunt] = [0.4, 0.2].map(
    (top) => (row: number) => Float64Array.of(row % 4 === 0 ? top : top / 4),
  );
  const answers = Array.from({ length: 80 }, (_, row) =>
    row % 8 < 6
      ? { fused: sharp(row), unimodal: { image: sharp(row), text: blunt(row) } }
      : { fused: blunt(row), unimodal: { text: blunt(row) } },
  );
  const values = Float32Array.from(answers, (_, row) => Number(row % 4 === 0));
  const { fused, unimodal } = chooseHeadThresholds(answers, { target: 'multi', columns: 1, values }, [
    'image',
    'text',
  ]);
  expect(fused[0]).toBeCloseTo(0.25, 6);
  expect(unimodal.image![0]).toBeCloseTo(0.25, 6);
  expect(unimodal.text![0]).toBeCloseTo(0.125, 6);
});
