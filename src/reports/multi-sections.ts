import type { AnswersReport } from '../training/report-input.ts';
import {
  answerOf,
  decisionErrorsView,
  decisionMistakesView,
  decisionsOf,
  likelyDecisionErrors,
  wrongDecisions,
} from './decisions.ts';
import { listLimit } from './galleries.ts';
import { labelFigures } from './label-figures.ts';
import { reliability } from './reliability.ts';
import { coverageSection } from './reliance.ts';
import { sectionsFrom, type TargetSections } from './target-sections.ts';

const explanation =
  'Micro-F1 counts every decision about a label alike, macro-F1 every label. Average precision is the area under ' +
  'precision and recall, mean over the labels: it needs no thresholds. An example counts as right only where all its ' +
  'labels are. The negative log likelihood is the mean surprise at each label’s presence or absence: lower is better.';

/** The sections of a head that predicts any of several labels. */
export function multiSections(input: AnswersReport): Promise<TargetSections> {
  const { manifest, test, truth } = input;
  const decisions = () => decisionsOf(manifest, test, truth);
  const mistakes = wrongDecisions(decisions());
  const errors = likelyDecisionErrors(decisions);
  return sectionsFrom(input, {
    explanation,
    chart: reliability(decisions().map(answerOf)),
    listed: [...mistakes.slice(0, listLimit), ...errors.slice(0, listLimit)].map(({ example }) => example),
    failing: (thumbnails) => [
      ...coverageSection(manifest),
      {
        id: 'failing',
        title: 'Where does it fail?',
        content: [
          labelFigures(manifest, test, truth),
          decisionMistakesView(mistakes, manifest.labels, thumbnails),
        ],
      },
      {
        id: 'labels',
        title: 'Are the labels right?',
        content: decisionErrorsView(errors, manifest.labels, thumbnails),
      },
    ],
  });
}
