import type { HeadManifest } from '../../inference/head-manifest.ts';
import type { TrainingHistory } from '../history.ts';
import { makeThumbnails } from '../thumbnails.ts';
import { agreement } from './agreement.ts';
import { balance } from './balance.ts';
import { classesView, classFigures } from './classes.ts';
import { confusionCells } from './confusion.ts';
import { cellsShown, confusionView } from './confusion-matrix.ts';
import { htmlDocument, type Section } from './document.ts';
import { cellsView, labelErrorsView, listLimit, mistakesView, outcomesListed } from './galleries.ts';
import { headline, metricsTable } from './headline.ts';
import { likelyLabelErrors } from './label-errors.ts';
import { learning } from './learning.ts';
import { type NearDuplicateExamples, nearDuplicatesListed, nearDuplicatesView } from './near-duplicates.ts';
import { mistakesIn, outcomesOf, type TestExample } from './outcome.ts';
import { provenance } from './provenance.ts';
import { recipeChoice } from './recipe-choice.ts';
import { reliability } from './reliability.ts';
import { settingsOf } from './settings.ts';

export interface ReportInput {
  manifest: HeadManifest;
  history: TrainingHistory;
  /** Every example of the test split with what the head said of it; probabilities in the order of the labels. */
  test: readonly TestExample[];
  /** Test examples that look like one trained on, the likest first; absent where nobody looked. */
  nearDuplicates?: readonly NearDuplicateExamples[];
}

/** The whole page. Each section answers one question. */
export async function reportPage({ manifest, history, test, nearDuplicates }: ReportInput): Promise<string> {
  const { labels, encoders } = manifest;
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
  const settings = settingsOf(manifest, history.loss.length);

  const sections: Section[] = [
    {
      id: 'good',
      title: 'Is it good?',
      content: [metricsTable(manifest), agreement(manifest, outcomes), reliability(outcomes)],
    },
    {
      id: 'confusion',
      title: 'Where does it fail?',
      content: [
        confusionView(cells, labels),
        classesView(
          classFigures(outcomes, cells),
          labels,
          encoders.map(({ modality }) => modality),
          new Set(listed),
        ),
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
      content: nearDuplicatesView(nearDuplicates, outcomes, thumbnails),
    },
    { id: 'learning', title: 'How did it learn?', content: learning(history, settings) },
    { id: 'balance', title: 'Is ARL doing anything?', content: balance(manifest, history, settings) },
    { id: 'examples', title: 'Examples', content: cellsView(listed, gallery) },
    { id: 'origin', title: 'How was it made?', content: [recipeChoice(manifest), provenance(manifest)] },
  ];
  return htmlDocument(`${manifest.name}@${manifest.version}`, headline(manifest, outcomes), sections);
}
