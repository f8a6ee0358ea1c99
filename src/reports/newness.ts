import type { AnswersReport } from '../training/report-input.ts';
import type { Thumbnails } from './content-views.ts';
import { count } from './format.ts';
import { type Markup, paragraph } from './markup.ts';
import { nearDuplicatesView } from './near-duplicates.ts';
import type { Outcome } from './outcome.ts';

/** Whether the head met the examples before: only new ones tell how good it is. */
export function newness(
  { test, nearDuplicates, evaluated, trainedOn }: AnswersReport,
  thumbnails: Thumbnails,
  outcomes?: readonly Outcome[],
): Markup {
  if (evaluated === undefined) return nearDuplicatesView(nearDuplicates, test.length, thumbnails, outcomes);
  if (!trainedOn) return paragraph('The head keeps no record of the examples that it learned from.');
  const known = trainedOn.filter(Boolean).length;
  return paragraph(
    known === 0
      ? `Yes: the head learned from none of the ${count(test.length, 'example')}.`
      : `No: the head learned from ${count(known)} of the ${count(test.length, 'example')}, which flatters it.`,
  );
}
