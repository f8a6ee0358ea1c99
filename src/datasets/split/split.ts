import { createHash } from 'node:crypto';
import { itemAt, valueFor } from '../../indexing.ts';
import { Random } from '../../random.ts';
import { type Comparable, contentOf, groupTwins } from './duplicates.ts';

/** What a split looks at: an example of a dataset, or anything shaped like one. */
export interface Splittable extends Comparable {
  label: string;
  split?: 'train' | 'test';
}

/**
 * How the test side is drawn: `stratified` gives every label about the same share; `content-hash` decides each example
 * by its content alone, so that a dataset that grows keeps its old examples on their sides.
 */
export const splitMethods = ['stratified', 'content-hash'] as const;
export type SplitMethod = (typeof splitMethods)[number];

export interface SplitOptions {
  seed: number;
  /** Share of each label that goes to the test side, from 0 (none) up to but not including 1. */
  testShare?: number;
  /** Default: `stratified`. */
  method?: SplitMethod;
}

/** Examples that stay together, with the label that most of them bear. */
interface Group<Example> {
  label: string;
  members: Example[];
}

/**
 * Divides examples into a training and a test side. Examples that are nearly the same stay together (see
 * `groupTwins`): a test on what was trained on proves nothing. Where the same image and text bear different labels,
 * they train and never test. Every label is trained on; drawn by strata, one with two groups gets one on each side.
 * Both sides keep the order given.
 *
 * A split that the dataset itself gives is followed: examples that it does not mention then train. Where it marks
 * training examples only, the test side is drawn from the rest, or from everything if there is no rest.
 * @throws RangeError where `testShare` is not in [0, 1)
 * @example const { train, test } = splitExamples(dataset.examples, { seed: 42 });
 */
export function splitExamples<Example extends Splittable>(
  examples: readonly Example[],
  { seed, testShare = 0.2, method = 'stratified' }: SplitOptions,
): { train: Example[]; test: Example[] } {
  if (!(testShare >= 0 && testShare < 1)) throw new RangeError(`testShare ${testShare} is not in [0, 1)`);
  const chosen = new Set(chooseTest(examples, seed, testShare, method));
  return {
    train: examples.filter((example) => !chosen.has(example)),
    test: examples.filter((example) => chosen.has(example)),
  };
}

function chooseTest<Example extends Splittable>(
  examples: readonly Example[],
  seed: number,
  testShare: number,
  method: SplitMethod,
): Example[] {
  const given = examples.filter(({ split }) => split === 'test');
  if (given.length > 0 || testShare === 0) return given;
  const unmarked = examples.filter(({ split }) => split === undefined);
  const drawnFrom = unmarked.length > 0 ? unmarked : examples;
  const groups = groupExamples(drawnFrom);
  const drawn =
    method === 'stratified' ? drawByLabel(groups, seed, testShare) : drawByHash(groups, seed, testShare);
  return keepLabelsTrained(drawn, drawnFrom);
}

/** Without groups that contradict themselves. */
function groupExamples<Example extends Splittable>(examples: readonly Example[]): Group<Example>[] {
  const numbers = groupTwins(examples);
  const contradicting = new Set<number>();
  const labels = new Map<string, string>();
  const grouped = examples.map((example, row) => ({ example, number: itemAt(numbers, row) }));
  for (const { example, number } of grouped) {
    const content = contentOf(example);
    if ((labels.get(content) ?? example.label) !== example.label) contradicting.add(number);
    labels.set(content, example.label);
  }
  return [...Map.groupBy(grouped, ({ number }) => number)]
    .filter(([number]) => !contradicting.has(number))
    .map(([, members]) => {
      const group = members.map(({ example }) => example);
      const byLabel = [...Map.groupBy(group, ({ label }) => label)];
      const [label] = byLabel.reduce((a, b) => (b[1].length > a[1].length ? b : a));
      return { label, members: group };
    });
}

function drawByLabel<Example>(groups: Group<Example>[], seed: number, testShare: number): Group<Example>[] {
  const random = new Random(seed, 'split');
  const byLabel = Map.groupBy(groups, ({ label }) => label);
  return [...byLabel]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, alike]) => drawFromLabel(random.shuffle(alike), testShare));
}

/** Takes groups until the share is reached, leaving at least one; the smallest one where every group is too big. */
function drawFromLabel<Example>(groups: Group<Example>[], testShare: number): Group<Example>[] {
  if (groups.length < 2) return [];
  const size = groups.reduce((sum, { members }) => sum + members.length, 0);
  const target = Math.max(1, Math.round(size * testShare));
  const taken: Group<Example>[] = [];
  let count = 0;
  for (const group of groups) {
    if (count + group.members.length > target || taken.length === groups.length - 1) continue;
    taken.push(group);
    count += group.members.length;
  }
  if (taken.length === 0) taken.push(groups.reduce((a, b) => (b.members.length < a.members.length ? b : a)));
  return taken;
}

function drawByHash<Example extends Splittable>(
  groups: Group<Example>[],
  seed: number,
  testShare: number,
): Group<Example>[] {
  return groups.filter(({ members }) => {
    const place = (example: Example) =>
      createHash('sha256')
        .update(JSON.stringify([seed, contentOf(example)]))
        .digest()
        .readUInt32BE();
    return members.some((example) => place(example) < testShare * 2 ** 32);
  });
}

/** Gives groups back to the training side until every label has an example there. */
function keepLabelsTrained<Example extends Splittable>(
  drawn: Group<Example>[],
  examples: readonly Example[],
): Example[] {
  const left = new Map(
    [...Map.groupBy(examples, ({ label }) => label)].map(([label, all]) => [label, all.length]),
  );
  return drawn
    .filter(({ members }) => {
      const needed = Map.groupBy(members, ({ label }) => label);
      if ([...needed].some(([label, some]) => valueFor(left, label) <= some.length)) return false;
      for (const [label, some] of needed) left.set(label, valueFor(left, label) - some.length);
      return true;
    })
    .flatMap(({ members }) => members);
}
