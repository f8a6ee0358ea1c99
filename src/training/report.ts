import { writeFile } from 'node:fs/promises';
import { type ReportInput, reportPage } from './report/page.ts';

export type { ReportInput } from './report/page.ts';

/**
 * Writes the report as one HTML file that needs nothing else: no script, no other file, no network. Labels, texts and
 * names of files come from whoever made the dataset; they are shown as text, never as markup.
 * @example await writeReport('report.html', { manifest, history, test });
 */
export async function writeReport(file: string, input: ReportInput): Promise<void> {
  await writeFile(file, await reportPage(input));
}
