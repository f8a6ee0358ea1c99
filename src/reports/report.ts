import { writeFile } from 'node:fs/promises';
import type { Comparison } from '../training/compare.ts';
import type { ReportInput } from '../training/report-input.ts';
import { comparisonPage } from './comparison-page.ts';
import { reportPage } from './page.ts';

/**
 * Writes the report as one HTML file that needs nothing else: no script, no other file, no network. Labels, texts and
 * names of files come from the dataset; they are shown as text, never as markup.
 * @example await writeReport('report.html', { manifest, history, test });
 */
export async function writeReport(file: string, input: ReportInput): Promise<void> {
  await writeFile(file, await reportPage(input));
}

/**
 * Writes what a comparison of strategies found, in the same way.
 * @example await writeComparisonReport('comparison.html', await compareStrategies(encoders, options));
 */
export async function writeComparisonReport(file: string, comparison: Comparison): Promise<void> {
  await writeFile(file, comparisonPage(comparison));
}
