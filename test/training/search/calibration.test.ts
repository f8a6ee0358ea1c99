import { expect, it } from 'vitest';
import { softmax } from '../../../src/inference/softmax.ts';
import { Random } from '../../../src/training/random.ts';
import { calibrate } from '../../../src/training/search/calibration.ts';

const classes = 3;
const modalities = ['image', 'text'] as const;

/** Answers whose text is right two times of three, whose picture knows nothing, and whose fusion is `sharpness` too sure. */
function answersOf(count: number, sharpness: number) {
  const random = new Random(5, 'calibration test');
  const labels = Array.from({ length: count }, () => random.nextInteger(classes));
  const answers = labels.map((label) => {
    const seen = random.nextFloat() < 2 / 3 ? label : (label + 1 + random.nextInteger(2)) % classes;
    // Log-odds of 4 to 1: what is right two times of three, with two ways to be wrong.
    const logits = Array.from({ length: classes }, (_, index) => (index === seen ? Math.log(4) : 0));
    const guess = random.nextInteger(classes);
    return {
      fused: softmax(logits.map((logit) => logit * sharpness)),
      unimodal: {
        text: softmax(logits),
        image: softmax(Array.from({ length: classes }, (_, index) => (index === guess ? 1 : 0))),
      },
    };
  });
  return { answers, labels };
}

it('makes held-back labels likelier where answers are too sure', () => {
  const { before, after, calibration } = calibrate(answersOf(900, 3), modalities);
  expect(after).toBeLessThan(before - 0.1);
  expect(calibration?.unimodal[1]).toBeCloseTo(1, 0);
  expect(calibration?.unimodal[0]).toBeLessThan(0.4);
});

it('leaves answers alone that it cannot better', () => {
  const { before, after, calibration } = calibrate(answersOf(60, 1), modalities);
  expect(calibration).toBeUndefined();
  expect(after).toBe(before);
});

it('leaves a handful of answers alone', () => {
  expect(calibrate(answersOf(1, 3), modalities).calibration).toBeUndefined();
});

it('weighs each modality by the examples that have it', () => {
  const { answers, labels } = answersOf(900, 3);
  const some = answers.map(({ fused, unimodal }, row) =>
    row % 3 === 0
      ? { fused: unimodal.text, unimodal: { text: unimodal.text } }
      : row % 3 === 1
        ? { fused: unimodal.image, unimodal: { image: unimodal.image } }
        : { fused, unimodal },
  );
  const { calibration } = calibrate({ answers: some, labels }, modalities);
  expect(calibration?.unimodal[1]).toBeCloseTo(1, 0);
  expect(calibration?.unimodal[0]).toBeLessThan(0.4);
});
