import type { AnswersReport, ReportInput } from '../training/report-input.ts';
import { balance } from './balance.ts';
import { htmlDocument } from './document.ts';
import { learning } from './learning.ts';
import { notesSection } from './notes.ts';
import { provenance } from './provenance.ts';
import { recipeChoice } from './recipe-choice.ts';
import { settingsOf } from './settings.ts';
import { startSections } from './start-curve.ts';
import { targetReports } from './targets.ts';
import { tuningSections } from './tuning.ts';

/** The whole page. Each section answers one question. */
export async function reportPage(input: ReportInput): Promise<string> {
  const { manifest, history } = input;
  const settings = settingsOf(manifest, history.loss.length);
  const { sections, guessingEntropy, recipeWords } = targetReports[manifest.target];
  const { lead, header, tail = [] } = await sections(input);
  const balancing = balance(manifest, history, settings, guessingEntropy);
  const origin = [recipeChoice(manifest, recipeWords), provenance(manifest)];
  return htmlDocument(`${manifest.name}@${manifest.version}`, header, [
    ...lead,
    ...startSections(manifest),
    ...tuningSections(manifest),
    { id: 'learning', title: 'How did it learn?', content: learning(history, settings) },
    { id: 'balance', title: 'Is ARL doing anything?', content: balancing },
    ...tail,
    ...notesSection(input.notes),
    { id: 'origin', title: 'How was it made?', content: origin },
  ]);
}

/** The page about a head's answers to a dataset that is not its own: the sections that tell of answers. */
export async function evaluationPage(input: AnswersReport & { evaluated: string }): Promise<string> {
  const { name, version, target } = input.manifest;
  const { lead, header, tail = [] } = await targetReports[target].sections(input);
  return htmlDocument(`${name}@${version} on ${input.evaluated}`, header, [
    ...lead,
    ...tail,
    ...notesSection(input.notes),
  ]);
}
