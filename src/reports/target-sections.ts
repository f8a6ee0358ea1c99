import type { AnswersReport, TestExample } from '../training/report-input.ts';
import { makeThumbnails, type Thumbnails } from './content-views.ts';
import type { Section } from './document.ts';
import { headline, mainFigure, metricsTable } from './headline.ts';
import type { Markup } from './markup.ts';
import { nearDuplicatesListed } from './near-duplicates.ts';
import { newness } from './newness.ts';

/** What depends on the target: the header, the first sections, and what is long enough to come near the end. */
export interface TargetSections {
  header: Markup;
  lead: Section[];
  tail?: Section[];
}

/** What is told of predictions that are not one label. */
export interface TargetParts {
  /** What the figures mean. */
  explanation: string;
  chart: Markup;
  /** The examples that are shown. */
  listed: readonly TestExample[];
  failing(thumbnails: Thumbnails): Section[];
}

/** The sections of a head, from what its target tells. */
export async function sectionsFrom(
  input: AnswersReport,
  { explanation, chart, listed, failing }: TargetParts,
): Promise<TargetSections> {
  const { manifest, nearDuplicates } = input;
  const thumbnails = await makeThumbnails([...listed, ...nearDuplicatesListed(nearDuplicates ?? [])]);
  return {
    header: headline(input, mainFigure(manifest)),
    lead: [
      { id: 'good', title: 'Is it good?', content: [metricsTable(input, explanation), chart] },
      ...failing(thumbnails),
      {
        id: 'new',
        title: 'Are the test examples new?',
        content: newness(input, thumbnails),
      },
    ],
  };
}
