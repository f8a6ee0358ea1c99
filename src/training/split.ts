import { Random } from './random.ts';

/** What a split looks at: an example of a dataset, or anything shaped like one. */
export interface Splittable {
  image?: string;
  /** sha256 of the picture's bytes; where absent, the path stands for the picture. */
  imageHash?: string;
  text?: string;
  label: string;
  split?: 'train' | 'test';
}

export interface SplitOptions {
  seed: number;
  /** Share of each label that goes to the test side, from 0 (none) up to but not including 1. */
  testShare?: number;
}

/**
 * Divides examples into a training and a test side, label by label, so that both sides hold every label in about
 * the same share. Examples with the same picture and the same text stay together: a test on what was trained on
 * proves nothing. Where such twins bear different labels, they train and never test. A label with two distinct
 * examples gets one on each side; one with a single distinct example trains. Both sides keep the order given.
 *
 * A split that the dataset itself gives is followed: examples that it does not mention then train. Where it marks
 * training examples only, the test side is drawn from the rest, or from everything if there is no rest.
 * @throws RangeError where `testShare` is not in [0, 1)
 * @example const { train, test } = splitExamples(dataset.examples, { seed: 42 });
 */
export function splitExamples<Example extends Splittable>(
  examples: readonly Example[],
  { seed, testShare = 0.2 }: SplitOptions,
): { train: Example[]; test: Example[] } {
  if (!(testShare >= 0 && testShare < 1)) throw new RangeError(`testShare ${testShare} is not in [0, 1)`);
  const chosen = new Set(chooseTest(examples, seed, testShare));
  return {
    train: examples.filter((example) => !chosen.has(example)),
    test: examples.filter((example) => chosen.has(example)),
  };
}

function chooseTest<Example extends Splittable>(
  examples: readonly Example[],
  seed: number,
  testShare: number,
): Example[] {
  const given = examples.filter(({ split }) => split === 'test');
  if (given.length > 0 || testShare === 0) return given;
  const unmarked = examples.filter(({ split }) => split === undefined);
  return drawTest(unmarked.length > 0 ? unmarked : examples, seed, testShare);
}

function drawTest<Example extends Splittable>(
  examples: readonly Example[],
  seed: number,
  testShare: number,
): Example[] {
  const random = new Random(seed, 'split');
  const groups = [...Map.groupBy(examples, contentOf).values()];
  const agreeing = groups.filter((group) => group.every(({ label }) => label === group[0]!.label));
  const byLabel = Map.groupBy(agreeing, (group) => group[0]!.label);
  const labels = [...byLabel.keys()].sort();
  return labels.flatMap((label) => drawFromLabel(random.shuffle(byLabel.get(label)!), testShare));
}

/** Takes groups until the share is reached, leaving at least one; the smallest one where every group is too big. */
function drawFromLabel<Example>(groups: Example[][], testShare: number): Example[] {
  if (groups.length < 2) return [];
  const target = Math.max(1, Math.round(groups.flat().length * testShare));
  const taken: Example[][] = [];
  let count = 0;
  for (const group of groups) {
    if (count + group.length > target || taken.length === groups.length - 1) continue;
    taken.push(group);
    count += group.length;
  }
  if (taken.length === 0) taken.push(groups.reduce((a, b) => (b.length < a.length ? b : a)));
  return taken.flat();
}

/** Two examples with the same value are twins. */
export function contentOf({ image, imageHash, text }: Splittable): string {
  return JSON.stringify([imageHash ?? image ?? null, text ?? null]);
}
