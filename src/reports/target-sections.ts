import type { ReportInput, TestExample } from '../training/report-input.ts';
import { makeThumbnails, type Thumbnails } from './content-views.ts';
import type { Section } from './document.ts';
import { headline, mainFigure, metricsTable } from './headline.ts';
import type { Markup } from './markup.ts';
import { nearDuplicatesListed, nearDuplicatesView } from './near-duplicates.ts';

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
  { manifest, test, nearDuplicates }: ReportInput,
  { explanation, chart, listed, failing }: TargetParts,
): Promise<TargetSections> {
  const thumbnails = await makeThumbnails([...listed, ...nearDuplicatesListed(nearDuplicates ?? [])]);
  return {
    header: headline(manifest, mainFigure(manifest)),
    lead: [
      { id: 'good', title: 'Is it good?', content: [metricsTable(manifest, explanation), chart] },
      ...failing(thumbnails),
      {
        id: 'new',
        title: 'Are the test examples new?',
        content: nearDuplicatesView(nearDuplicates, test.length, thumbnails),
      },
    ],
  };
}
