import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Splittable, splitExamples } from '../../../../src/datasets/split/split.ts';

const many = (label: string, count: number): Splittable[] =>
  Array.from({ length: count }, (_, index) => ({ content: { text: `${label} ${index}` }, label }));
const contents = ({ train, test }: { train: Splittable[]; test: Splittable[] }) => {
  const content = ({ content: { image, text } }: Splittable) => JSON.stringify([image?.sha256, text]);
  return { train: new Set(train.map(content)), test: new Set(test.map(content)) };
};

const anyExamples = fc.array(
  fc.record({
    label: fc.constantFrom('ant', 'bee', 'cat', 'dog'),
    content: fc.record({
      text: fc.integer({ min: 0, max: 30 }).map(String),
      image: fc.option(
        fc.constantFrom('x', 'y').map((sha256) => ({ path: '', sha256 })),
        { nil: undefined },
      ),
    }),
  }),
  { maxLength: 80 },
);
const anyShare = fc.double({ min: 0.05, max: 0.95, noNaN: true });

describe('any split', () => {
  it('puts every example on exactly one side, in the order given', () => {
    fc.assert(
      fc.property(anyExamples, fc.integer(), anyShare, (examples, seed, testShare) => {
        const { train, test } = splitExamples(examples, { seed, testShare });
        expect(train.length + test.length).toBe(examples.length);
        const side = new Set(test);
        expect(train).toEqual(examples.filter((example) => !side.has(example)));
        expect(test).toEqual(examples.filter((example) => side.has(example)));
      }),
    );
  });

  it('never tests on a content that it trains on', () => {
    fc.assert(
      fc.property(anyExamples, fc.integer(), anyShare, (examples, seed, testShare) => {
        const { train, test } = contents(splitExamples(examples, { seed, testShare }));
        expect(train.isDisjointFrom(test)).toBe(true);
      }),
    );
  });

  it('leaves every label something to train on, and tests each that has two distinct examples', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 5 }),
        fc.integer(),
        anyShare,
        (sizes, seed, share) => {
          const examples = sizes.flatMap((size, index) => many(`label ${index}`, size));
          const { train, test } = splitExamples(examples, { seed, testShare: share });
          for (const [index, size] of sizes.entries()) {
            const tested = test.filter(({ label }) => label === `label ${index}`).length;
            expect(train.some(({ label }) => label === `label ${index}`)).toBe(true);
            expect(tested).toBe(size === 1 ? 0 : Math.min(size - 1, Math.max(1, Math.round(size * share))));
          }
        },
      ),
    );
  });

  it('is decided by the seed', () => {
    fc.assert(
      fc.property(anyExamples, fc.integer(), anyShare, (examples, seed, testShare) => {
        const options = { seed, testShare };
        expect(splitExamples(examples, options)).toEqual(splitExamples(structuredClone(examples), options));
      }),
    );
    const examples = many('ant', 50);
    expect(splitExamples(examples, { seed: 1 })).not.toEqual(splitExamples(examples, { seed: 2 }));
  });
});

describe('a split', () => {
  it('gives one to each side of a label with two examples', () => {
    const { train, test } = splitExamples([...many('ant', 2), ...many('bee', 40)], { seed: 5 });
    expect(train.filter(({ label }) => label === 'ant')).toHaveLength(1);
    expect(test.filter(({ label }) => label === 'ant')).toHaveLength(1);
  });

  it('trains and never tests on the same content with contradicting labels', () => {
    const examples = [...many('ant', 9), ...many('bee', 9)];
    const contradicting = [
      { content: { text: 'same' }, label: 'ant' },
      { content: { text: 'same' }, label: 'bee' },
    ];
    for (let seed = 0; seed < 20; seed++) {
      expect(splitExamples([...examples, ...contradicting], { seed }).train).toEqual(
        expect.arrayContaining(contradicting),
      );
    }
  });

  it('takes the smallest group of twins where each is larger than the share', () => {
    const twins = (text: string, count: number) =>
      Array.from({ length: count }, () => ({ content: { text }, label: 'ant' }));
    const { test } = splitExamples([...twins('a', 8), ...twins('b', 5), ...twins('c', 7)], { seed: 1 });
    expect(test).toHaveLength(5);
  });

  it('tells images apart by their content, and by their path where it is not known', () => {
    const examples = [
      { content: { image: { path: '/one.png', sha256: 'same' } }, label: 'ant' },
      { content: { image: { path: '/two.png', sha256: 'same' } }, label: 'ant' },
    ];
    expect(splitExamples(examples, { seed: 1 }).test).toHaveLength(0);
    const unknown = examples.map(({ content: { image }, label }) => ({
      content: { image: { path: image.path } },
      label,
    }));
    expect(splitExamples(unknown, { seed: 1 }).test).toHaveLength(1);
  });

  it('follows the split that the dataset gives; what it does not mention trains', () => {
    const examples: Splittable[] = many('ant', 20).map((example, index) =>
      index < 3 ? { ...example, split: 'test' } : index < 9 ? { ...example, split: 'train' } : example,
    );
    expect(splitExamples(examples, { seed: 1 }).test).toEqual(examples.slice(0, 3));
  });

  it('draws the test from the unmarked where only training examples are marked, and from all where all are', () => {
    const marked = many('ant', 20).map((example) => ({ ...example, split: 'train' as const }));
    const { test } = splitExamples([...marked, ...many('bee', 10)], { seed: 1 });
    expect(test.map(({ label }) => label)).toEqual(['bee', 'bee']);
    expect(splitExamples(marked, { seed: 1 }).test).toHaveLength(4);
  });

  it('has no test side for a share of 0, and refuses a share outside [0, 1)', () => {
    expect(splitExamples(many('ant', 5), { seed: 1, testShare: 0 }).test).toEqual([]);
    for (const testShare of [-0.1, 1, Number.NaN]) {
      expect(() => splitExamples([], { seed: 1, testShare })).toThrow(RangeError);
    }
  });
});
