import type { AnswersReport } from '../training/report-input.ts';
import { agreement } from './agreement.ts';
import { classesView, classFigures } from './classes.ts';
import { confusionCells } from './confusion.ts';
import { cellsShown, confusionView } from './confusion-matrix.ts';
import { makeThumbnails } from './content-views.ts';
import { cellsView, labelErrorsView, listLimit, mistakesView, outcomesListed } from './galleries.ts';
import { headline, metricsTable, verdict } from './headline.ts';
import { likelyLabelErrors } from './label-errors.ts';
import { nearDuplicatesListed } from './near-duplicates.ts';
import { newness } from './newness.ts';
import { isRight, mistakesIn, outcomesOf } from './outcome.ts';
import { reliability } from './reliability.ts';
import { coverageSection } from './reliance.ts';
import type { TargetSections } from './target-sections.ts';

const explanation =
  'Accuracy is the share of right answers. Macro-F1 is the mean over classes of the F1 score, so that a rare class ' +
  'counts as much as a common one. The negative log likelihood is the mean surprise at the true label: lower is ' +
  'better, 0 is certainty. The calibration error is how far the stated probabilities are from the share of right ' +
  'answers: lower is better.';

/** The sections of a head that predicts one label. */
export async function singleSections(input: AnswersReport): Promise<TargetSections> {
  const { manifest, test, nearDuplicates } = input;
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
    header: headline(input, verdict(outcomes)),
    lead: [
      {
        id: 'good',
        title: 'Is it good?',
        content: [
          metricsTable(input, explanation),
          agreement(manifest, outcomes),
          reliability(
            outcomes.map((outcome) => ({ confidence: outcome.confidence, isRight: isRight(outcome) })),
          ),
        ],
      },
      ...coverageSection(manifest),
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
        content: newness(input, thumbnails, outcomes),
      },
    ],
    tail: [{ id: 'examples', title: 'Examples', content: cellsView(listed, gallery) }],
  };
}
