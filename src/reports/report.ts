import { writeFile } from 'node:fs/promises';
import type { HeadManifest } from '../heads/manifest.ts';
import type { Comparison } from '../training/comparison.ts';
import type { AnswersReport, ReportInput } from '../training/report-input.ts';
import { comparisonPage } from './comparison-page.ts';
import { evaluationPage, reportPage } from './page.ts';
import { zeroShotPage } from './zero-shot-page.ts';

/**
 * Writes the report as one HTML file that needs nothing else: no script, no other file, no network. Labels, texts and
 * names of files come from the dataset; they are shown as text, never as markup.
 * @example await writeReport('report.html', { manifest, history, test });
 */
export async function writeReport(file: string, input: ReportInput): Promise<void> {
  await writeFile(file, await reportPage(input));
}

/**
 * Writes what a head answered to a dataset, in the same way.
 * @example await writeEvaluationReport('june.html', { ...answered, evaluated: 'photos-of-june' });
 */
export async function writeEvaluationReport(
  file: string,
  input: AnswersReport & { evaluated: string },
): Promise<void> {
  await writeFile(file, await evaluationPage(input));
}

/**
 * Writes what a head of label names is made of, in the same way.
 * @example await writeZeroShotReport('report.html', manifest);
 */
export async function writeZeroShotReport(file: string, manifest: HeadManifest): Promise<void> {
  await writeFile(file, zeroShotPage(manifest));
}

/**
 * Writes what a comparison of strategies found, in the same way.
 * @example await writeComparisonReport('comparison.html', await compareStrategies(encoders, options));
 */
export async function writeComparisonReport(file: string, comparison: Comparison): Promise<void> {
  await writeFile(file, comparisonPage(comparison));
}
