import { h } from 'preact';
import { modalitiesOf } from '../evaluation/answers.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import { thresholdsOf } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import { textOf } from '../targets/truth.ts';
import { type TruthTable, truthAt } from '../targets/truth-table.ts';
import type { TestExample } from '../training/report-input.ts';
import type { Thumbnails } from './content-views.ts';
import { card, exampleList } from './example-card.ts';
import { count, percent, shorten } from './format.ts';
import { listLimit, surestMistakes } from './galleries.ts';
import { foreign, type Markup, paragraph } from './markup.ts';

/** Yes or no to one label of one example, of a head that may give several. */
export interface Decision {
  example: TestExample;
  label: number;
  probability: number;
  isGiven: boolean;
  /** Whether the example bears the label. */
  isBorne: boolean;
}

/** A test example with what its decisions follow from, each in the order of the labels. */
export interface DecidedExample {
  example: TestExample;
  thresholds: readonly number[];
  /** 1 for a label that the example bears, 0 for others. */
  truth: ArrayLike<number>;
}

export function decidedExamples(
  manifest: HeadManifest,
  test: readonly TestExample[],
  truth: TruthTable,
): DecidedExample[] {
  return test.map((example, row) => ({
    example,
    thresholds: thresholdsOf(manifest, modalitiesOf(example.probabilities)),
    truth: truthAt(truth, row),
  }));
}

/** The decision about one label of an example. */
export function decisionOn({ example, thresholds, truth }: DecidedExample, label: number): Decision {
  const probability = itemAt(example.probabilities.fused, label);
  const isGiven = probability >= itemAt(thresholds, label);
  return { example, label, probability, isGiven, isBorne: itemAt(truth, label) > 0.5 };
}

/** Every decision about every test example, one after the other: all at once they would be very many. */
export function* decisionsOf(
  manifest: HeadManifest,
  test: readonly TestExample[],
  truth: TruthTable,
): Generator<Decision> {
  for (const example of decidedExamples(manifest, test, truth))
    for (let label = 0; label < truth.columns; label++) yield decisionOn(example, label);
}

/** How sure a head is of what it says more probably, yes or no, and whether that is so. */
export function answerOf({ probability, isBorne }: Decision): { confidence: number; isRight: boolean } {
  const isLikely = probability >= 0.5;
  return { confidence: isLikely ? probability : 1 - probability, isRight: isLikely === isBorne };
}

/** The wrong decisions, the surest first. */
export function wrongDecisions(decisions: Iterable<Decision>): Decision[] {
  const wrong: Decision[] = [];
  for (const decision of decisions) if (decision.isGiven !== decision.isBorne) wrong.push(decision);
  return wrong.sort((a, b) => certainty(b) - certainty(a));
}

/** How probable the head holds what is not so. */
function certainty({ probability, isBorne }: Decision): number {
  return isBorne ? 1 - probability : probability;
}

/**
 * Decisions whose label is probably wrong, the most probable first: confident learning (see `likelyLabelErrors`) of each
 * label by itself. An example that bears a label is suspicious where it is held to lack it more than those that
 * lack it are on average, and the other way round.
 * @param decisions asked for twice
 */
export function likelyDecisionErrors(decisions: () => Iterable<Decision>): Decision[] {
  const sums = new Map<string, { total: number; count: number }>();
  const keyOf = ({ label, isBorne }: Pick<Decision, 'label' | 'isBorne'>) => `${label} ${isBorne}`;
  for (const decision of decisions()) {
    const sum = sums.get(keyOf(decision)) ?? { total: 0, count: 0 };
    sum.total += 1 - certainty(decision);
    sum.count++;
    sums.set(keyOf(decision), sum);
  }
  const usual = (decision: Pick<Decision, 'label' | 'isBorne'>) => {
    const sum = sums.get(keyOf(decision));
    return sum ? sum.total / sum.count : Number.POSITIVE_INFINITY;
  };
  const found: Decision[] = [];
  for (const decision of decisions()) {
    const { label, isBorne } = decision;
    const held = certainty(decision);
    if (held > usual({ label, isBorne: !isBorne }) && 1 - held < usual(decision)) found.push(decision);
  }
  return found.sort((a, b) => certainty(b) - certainty(a));
}

export function decisionMistakesView(
  mistakes: readonly Decision[],
  labels: readonly string[],
  thumbnails: Thumbnails,
): Markup {
  const cardOf = (decision: Decision) =>
    decisionCard(decision, labels, thumbnails, decision.isGiven ? 'given wrongly: ' : 'not given: ');
  return surestMistakes(mistakes, cardOf, {
    noun: 'decisions',
    remark: ' A decision is yes or no to one label of one example.',
  });
}

export function decisionErrorsView(
  errors: readonly Decision[],
  labels: readonly string[],
  thumbnails: Thumbnails,
): Markup {
  return [
    paragraph(
      errors.length === 0
        ? 'No test example looks mislabelled. '
        : `${count(errors.length, 'label')} of test examples ${errors.length === 1 ? 'looks' : 'look'} wrong${errors.length > listLimit ? `; these are the ${listLimit} likeliest` : ''}. `,
      'A label is listed where the head holds it likelier than it does of examples that bear it on average, and the example ',
      'lacks it, or the other way round (confident learning, as in Northcutt, Jiang and Chuang, 2021). These are suggestions to ',
      'look at, not verdicts.',
    ),
    errors.length > 0 &&
      exampleList(
        errors
          .slice(0, listLimit)
          .map((decision) =>
            decisionCard(decision, labels, thumbnails, decision.isBorne ? 'perhaps not ' : 'perhaps also '),
          ),
      ),
  ];
}

function decisionCard(
  { example, label, probability }: Decision,
  labels: readonly string[],
  thumbnails: Thumbnails,
  remark: string,
): Markup {
  return card(example, thumbnails, [
    h(
      'p',
      { class: 'label' },
      'labelled ',
      h('strong', null, foreign(shorten(textOf(example.truth), 120) || 'nothing')),
    ),
    h(
      'p',
      { class: 'label' },
      remark,
      h('strong', { class: 'suggested' }, foreign(shorten(itemAt(labels, label), 60))),
      ` ${percent(probability)}`,
    ),
  ]);
}
