import { describe, expect, it } from 'vitest';
import { answerOfKnown } from '../../../../src/heads/known-modalities.ts';
import { Random } from '../../../../src/random.ts';
import { softmax } from '../../../../src/targets/softmax.ts';
import type { TruthTable } from '../../../../src/targets/truth-table.ts';
import { applyCalibration, calibrate } from '../../../../src/training/search/calibration.ts';
import { untriedBlend } from '../../../../src/training/zero-shot/start.ts';

const classes = 3;
const modalities = ['image', 'text'] as const;

const truthOf = (labels: readonly number[]): TruthTable => ({
  target: 'single',
  columns: 1,
  values: Int32Array.from(labels),
});

/** Answers whose text is right two times of three, whose image knows nothing, and whose fusion is `sharpness` too sure. */
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
  return { answers, truth: truthOf(labels) };
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
  const { answers, truth } = answersOf(900, 3);
  const some = answers.map(({ fused, unimodal }, row) =>
    row % 3 === 0
      ? { fused: unimodal.text, unimodal: { text: unimodal.text } }
      : row % 3 === 1
        ? { fused: unimodal.image, unimodal: { image: unimodal.image } }
        : { fused, unimodal },
  );
  const { calibration } = calibrate({ answers: some, truth }, modalities);
  expect(calibration?.unimodal[1]).toBeCloseTo(1, 0);
  expect(calibration?.unimodal[0]).toBeLessThan(0.4);
});

describe('answers that are numbers', () => {
  /** Two noisy measurements of the truth, and a fused answer that is their sum. */
  const random = new Random(2, 'calibration of numbers');
  const truth = Float64Array.from({ length: 400 }, () => 50 + 10 * random.nextNormal());
  const answers = Array.from(truth, (value) => {
    const [image, text] = [6, 4].map((noise) => value - 50 + noise * random.nextNormal());
    return {
      fused: Float64Array.of(50 + image + text),
      unimodal: { image: Float64Array.of(50 + image), text: Float64Array.of(50 + text) },
    };
  });
  const table = { target: 'regression', columns: 1, values: truth } as const;

  it('are drawn back where they overshoot, and are no worse than the best of one modality', () => {
    const { before, after, calibration } = calibrate({ answers, truth: table }, modalities);
    expect(before).toBeGreaterThan(60);
    // The best mean of both measurements has 36 · 16 / (36 + 16).
    expect(after).toBeLessThan(14);
    const [fused, image, text] = calibration!.fused;
    expect(fused + text).toBeGreaterThan(fused + image);
    for (const weight of calibration!.unimodal) expect(weight).toBeLessThan(1.05);
  });
});

describe('answers of any of several labels', () => {
  const random = new Random(4, 'calibration of several labels');
  const columns = 3;
  const logits = Array.from({ length: 500 }, () =>
    Float64Array.from({ length: columns }, () => 2 * random.nextNormal()),
  );
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  const values = Float32Array.from(
    logits.flatMap((row) => [...row]),
    (logit) => Number(random.nextFloat() < sigmoid(logit)),
  );
  const answers = logits.map((row) => {
    const [image, text] = [0.2, 1].map((weight) => row.map((value) => sigmoid(weight * value)));
    return { fused: row.map((value) => sigmoid(3 * value)), unimodal: { image, text } };
  });
  const truth = { target: 'multi', columns, values } as const;

  it('get the weights that make the labels likeliest, as the served model applies them', () => {
    const heldOut = { answers, truth };
    const { before, after, calibration } = calibrate(heldOut, modalities);
    expect(after).toBeLessThan(before - 0.1);
    expect(calibration!.unimodal[0]).toBeGreaterThan(3);
    expect(calibration!.unimodal[1]).toBeCloseTo(1, 0);
    const calibrated = applyCalibration(heldOut, modalities, calibration!);
    for (const [row, { fused, unimodal }] of calibrated.entries())
      for (let label = 0; label < columns; label++) {
        expect(Math.abs(fused[label] - sigmoid(logits[row][label]))).toBeLessThan(0.1);
        expect(unimodal.text![label]).toBeCloseTo(sigmoid(calibration!.unimodal[1] * logits[row][label]), 6);
      }
  });
});

it('calibrates the answer from two of three modalities as a head gives it', () => {
  const { answers, truth } = answersOf(900, 3);
  const [first] = answers;
  const partial = { fused: first.unimodal.text, unimodal: first.unimodal };
  const calibration = { fused: [1, 0, 0, 0], unimodal: [0.1, 1, 1] };
  const [answer] = applyCalibration(
    { answers: [partial], truth },
    ['image', 'text', 'other' as 'text'],
    calibration,
  );
  const own = [answer.unimodal.image, answer.unimodal.text].map((each) => each ?? new Float64Array());
  expect([...answer.fused]).toEqual(
    [...answerOfKnown(own, 'single')].map((value) => expect.closeTo(value, 10)),
  );
});

it('calibrates numbers in their own unit', () => {
  const truth: TruthTable = { target: 'regression', columns: 1, values: Float32Array.of(100, 300) };
  const answers = [{ fused: Float64Array.of(300), unimodal: { text: Float64Array.of(300) } }];
  const [answer] = applyCalibration({ answers, truth }, ['text'], { fused: [0.5], unimodal: [0.5] });
  expect(answer.fused[0]).toBeCloseTo(250);
});

describe('a training that starts from prototypes', () => {
  const start = {
    head: 'animals@1',
    prototypes: { text: { rows: new Float32Array(3), dimension: 1, scale: 1, bias: 0 } },
  };

  /** Answers of a head that learned nothing beside those of prototypes that are right two times of three, or the other way around. */
  function heldOut(count: number, { isHeadGood }: { isHeadGood: boolean }) {
    const { answers, truth } = answersOf(count, 1);
    return {
      truth,
      answers: answers.map(({ unimodal: { text: good, image: bad } }) => {
        const [own, other] = isHeadGood ? [good, bad] : [bad, good];
        return { fused: own, unimodal: { text: own }, prototypes: { text: other } };
      }),
    };
  }
  const lossOf = (
    { answers, truth }: ReturnType<typeof heldOut>,
    answerOf: (answer: (typeof answers)[number]) => Float64Array,
  ) =>
    answers.reduce((sum, answer, row) => sum - Math.log(answerOf(answer)[truth.values[row]]), 0) /
    answers.length;

  it.each([15, 60, 900])(
    'answers as the prototypes do where the head learned nothing (%i answers)',
    (count) => {
      const given = heldOut(count, { isHeadGood: false });
      const { after, calibration } = calibrate(given, ['text'], untriedBlend(['text'], start, 1));
      expect(after).toBeLessThan(lossOf(given, ({ prototypes }) => prototypes.text) + 0.05);
      expect(calibration!.prototypes!.text!.fused).toBeGreaterThan(calibration!.fused[0]);
    },
  );

  it('lets the head speak once its answers are the better ones', () => {
    const given = heldOut(900, { isHeadGood: true });
    const { after, calibration } = calibrate(given, ['text'], untriedBlend(['text'], start, 300));
    expect(after).toBeLessThan(lossOf(given, ({ fused }) => fused) + 0.01);
    expect(calibration!.fused[0]).toBeGreaterThan(0.8);
    expect(calibration!.prototypes!.text!.fused).toBeLessThan(0.2);
  });

  it('is not led astray by a handful of answers that happen to be right', () => {
    const given = heldOut(3, { isHeadGood: false });
    const lucky = given.answers.map((answer, row) => {
      const sure = Float64Array.from({ length: classes }, (_, index) =>
        index === given.truth.values[row] ? 0.98 : 0.01,
      );
      return { ...answer, fused: sure, unimodal: { text: sure } };
    });
    const blend = untriedBlend(['text'], start, 1);
    const { calibration } = calibrate({ ...given, answers: lucky }, ['text'], blend);
    expect(calibration!.fused[0]).toBeLessThan(1);
    expect(calibration!.prototypes!.text!.fused).toBeGreaterThan(0.5);
  });

  it('says what emitHead will: the same weights, of the same answers', () => {
    const { answers, truth } = heldOut(30, { isHeadGood: true });
    const calibration = { fused: [0.5], unimodal: [0.25], prototypes: { text: { fused: 2, unimodal: 1 } } };
    const [blended] = applyCalibration({ answers, truth }, ['text'], calibration);
    const [{ fused, prototypes }] = answers;
    const pooled = (own: number, other: number) =>
      softmax(Array.from(fused, (p, index) => own * Math.log(p) + other * Math.log(prototypes.text[index])));
    for (const [index, p] of pooled(0.5, 2).entries()) expect(blended.fused[index]).toBeCloseTo(p, 10);
    for (const [index, p] of pooled(0.25, 1).entries())
      expect(blended.unimodal.text![index]).toBeCloseTo(p, 10);
  });
});
