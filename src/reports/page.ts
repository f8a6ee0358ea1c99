import type { HeadManifest } from '../heads/manifest.ts';
import type { TargetTable } from '../targets/target-table.ts';
import type { ReportInput, TestExample } from '../training/report-input.ts';
import { agreement } from './agreement.ts';
import { balance } from './balance.ts';
import { classesView, classFigures } from './classes.ts';
import { confusionCells } from './confusion.ts';
import { cellsShown, confusionView } from './confusion-matrix.ts';
import {
  answerOf,
  decisionErrorsView,
  decisionMistakesView,
  decisionsOf,
  likelyDecisionErrors,
  wrongDecisions,
} from './decisions.ts';
import { htmlDocument, type Section } from './document.ts';
import { cellsView, labelErrorsView, listLimit, mistakesView, outcomesListed } from './galleries.ts';
import { headline, mainFigure, metricsTable, verdict } from './headline.ts';
import { likelyLabelErrors } from './label-errors.ts';
import { labelFigures } from './label-figures.ts';
import { learning } from './learning.ts';
import type { Markup } from './markup.ts';
import { nearDuplicatesListed, nearDuplicatesView } from './near-duplicates.ts';
import { largestErrors, largestErrorsView, numberPlot } from './number-figures.ts';
import { isRight, mistakesIn, outcomesOf } from './outcome.ts';
import { provenance } from './provenance.ts';
import { recipeChoice } from './recipe-choice.ts';
import { reliability } from './reliability.ts';
import { settingsOf } from './settings.ts';
import { makeThumbnails, type Thumbnails } from './thumbnails.ts';

/** The whole page. Each section answers one question. */
export async function reportPage(input: ReportInput): Promise<string> {
  const { manifest, history, targets } = input;
  const settings = settingsOf(manifest, history.loss.length);
  const {
    lead,
    header,
    tail = [],
  } = targets ? await targetSections(input, targets) : await labelSections(input);
  return htmlDocument(`${manifest.name}@${manifest.version}`, header, [
    ...lead,
    { id: 'learning', title: 'How did it learn?', content: learning(history, settings) },
    { id: 'balance', title: 'Is ARL doing anything?', content: balance(manifest, history, settings) },
    ...tail,
    { id: 'origin', title: 'How was it made?', content: [recipeChoice(manifest), provenance(manifest)] },
  ]);
}

/** What depends on the kind of target: the header, the first sections, and what is long enough to come near the end. */
interface OwnSections {
  header: Markup;
  lead: Section[];
  tail?: Section[];
}

/** Of a head that gives one label. */
async function labelSections({ manifest, test, nearDuplicates }: ReportInput): Promise<OwnSections> {
  const { labels, encoders } = manifest;
  const used = encoders.map(({ modality }) => modality);
  const outcomes = outcomesOf(labels, test);
  const mistakes = mistakesIn(outcomes);
  const labelErrors = likelyLabelErrors(outcomes);
  const cells = confusionCells(outcomes);
  const listed = cellsShown(cells, labels);
  const thumbnails = await makeThumbnails([
    ...mistakes.slice(0, listLimit).map(({ example }) => example),
    ...labelErrors.slice(0, listLimit).map(({ outcome }) => outcome.example),
    ...outcomesListed(listed).map(({ example }) => example),
    ...nearDuplicatesListed(nearDuplicates ?? []),
  ]);
  const gallery = { labels, thumbnails };
  return {
    header: headline(manifest, verdict(outcomes)),
    lead: [
      {
        id: 'good',
        title: 'Is it good?',
        content: [
          metricsTable(manifest),
          agreement(manifest, outcomes),
          reliability(
            outcomes.map((outcome) => ({ confidence: outcome.confidence, isRight: isRight(outcome) })),
          ),
        ],
      },
      {
        id: 'confusion',
        title: 'Where does it fail?',
        content: [
          confusionView(cells, labels),
          classesView(classFigures(outcomes, cells, used), labels, used, new Set(listed)),
          mistakesView(mistakes, gallery),
        ],
      },
      {
        id: 'labels',
        title: 'Are the labels right?',
        content: labelErrorsView(labelErrors, test.length, gallery),
      },
      {
        id: 'new',
        title: 'Are the test examples new?',
        content: nearDuplicatesView(nearDuplicates, test.length, thumbnails, outcomes),
      },
    ],
    tail: [{ id: 'examples', title: 'Examples', content: cellsView(listed, gallery) }],
  };
}

/** Of a head that gives any of several labels, or a number. */
async function targetSections(
  { manifest, test, nearDuplicates }: ReportInput,
  targets: TargetTable,
): Promise<OwnSections> {
  const { chart, listed, failing } =
    targets.kind === 'regression' ? numberParts(test, targets) : severalLabelsParts(manifest, test, targets);
  const thumbnails = await makeThumbnails([...listed, ...nearDuplicatesListed(nearDuplicates ?? [])]);
  return {
    header: headline(manifest, mainFigure(manifest)),
    lead: [
      { id: 'good', title: 'Is it good?', content: [metricsTable(manifest), chart] },
      ...failing(thumbnails),
      {
        id: 'new',
        title: 'Are the test examples new?',
        content: nearDuplicatesView(nearDuplicates, test.length, thumbnails),
      },
    ],
  };
}

/** What is said of answers that are no single label. */
interface TargetParts {
  chart: Markup;
  /** The examples that are shown. */
  listed: readonly TestExample[];
  failing(thumbnails: Thumbnails): Section[];
}

function numberParts(test: readonly TestExample[], targets: TargetTable): TargetParts {
  const errors = largestErrors(test, targets);
  return {
    chart: numberPlot(test, targets),
    listed: errors.map(({ example }) => example),
    failing: (thumbnails) => [
      { id: 'failing', title: 'Where does it fail?', content: largestErrorsView(errors, thumbnails) },
    ],
  };
}

function severalLabelsParts(
  manifest: HeadManifest,
  test: readonly TestExample[],
  targets: TargetTable,
): TargetParts {
  const decisions = () => decisionsOf(manifest, test, targets);
  const mistakes = wrongDecisions(decisions());
  const errors = likelyDecisionErrors(decisions);
  return {
    chart: reliability(decisions().map(answerOf)),
    listed: [...mistakes.slice(0, listLimit), ...errors.slice(0, listLimit)].map(({ example }) => example),
    failing: (thumbnails) => [
      {
        id: 'failing',
        title: 'Where does it fail?',
        content: [
          labelFigures(manifest, test, targets),
          decisionMistakesView(mistakes, manifest.labels, thumbnails),
        ],
      },
      {
        id: 'labels',
        title: 'Are the labels right?',
        content: decisionErrorsView(errors, manifest.labels, thumbnails),
      },
    ],
  };
}
