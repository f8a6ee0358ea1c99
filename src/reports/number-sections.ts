import type { AnswersReport } from '../training/report-input.ts';
import { largestErrors, largestErrorsView, numberPlot } from './number-figures.ts';
import { intervalSection } from './reliance.ts';
import { sectionsFrom, type TargetSections } from './target-sections.ts';

const explanation =
  'The RMS error weighs large errors more than the mean absolute error does; both are in the unit of the numbers. R² is ' +
  'the share of the variance that is explained: 1 is perfect, 0 no better than always saying the mean. The rank ' +
  'correlation (Spearman’s) says how well the order is got right.';

/** The sections of a head that predicts numbers. */
export function numberSections(input: AnswersReport): Promise<TargetSections> {
  const { test, truth } = input;
  const errors = largestErrors(test, truth);
  return sectionsFrom(input, {
    explanation,
    chart: numberPlot(test, truth),
    listed: errors.map(({ example }) => example),
    failing: (thumbnails) => [
      ...intervalSection(input.manifest),
      { id: 'failing', title: 'Where does it fail?', content: largestErrorsView(errors, thumbnails) },
    ],
  });
}
