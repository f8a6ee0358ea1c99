import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { HeadManifest } from '../../inference/head-manifest.ts';
import type { TrainingHistory } from '../trainer.ts';
import { agreement } from './agreement.ts';
import { balance } from './balance.ts';
import { classesView, classFigures } from './classes.ts';
import { confusionCells } from './confusion.ts';
import { cellsShown, confusionView } from './confusion-matrix.ts';
import { cellsView, labelErrorsView, listLimit, mistakesView, outcomesListed } from './galleries.ts';
import { headline, metricsTable } from './headline.ts';
import { likelyLabelErrors } from './label-errors.ts';
import { learning } from './learning.ts';
import type { Markup } from './markup.ts';
import { mistakesIn, outcomesOf, type TestExample } from './outcome.ts';
import { provenance } from './provenance.ts';
import { recipeChoice } from './recipe-choice.ts';
import { reliability } from './reliability.ts';
import { settingsOf } from './settings.ts';
import { style } from './style.ts';
import { makeThumbnails } from './thumbnails.ts';

export interface ReportInput {
  manifest: HeadManifest;
  history: TrainingHistory;
  /** Every example of the test split with what the head said of it; probabilities in the order of the labels. */
  test: readonly TestExample[];
}

/** Even if markup from a dataset slipped through, a browser would run no script and fetch nothing. */
const policy =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The whole page. Each section answers one question. */
export async function reportPage({ manifest, history, test }: ReportInput): Promise<string> {
  const { labels, encoders } = manifest;
  const outcomes = outcomesOf(labels, test);
  const mistakes = mistakesIn(outcomes);
  const labelErrors = likelyLabelErrors(outcomes);
  const cells = confusionCells(outcomes);
  const listed = cellsShown(cells, labels);
  const thumbnails = await makeThumbnails([
    ...mistakes.slice(0, listLimit),
    ...labelErrors.slice(0, listLimit).map(({ outcome }) => outcome),
    ...outcomesListed(listed),
  ]);
  const gallery = { labels, thumbnails };
  const settings = settingsOf(manifest, history.loss.length);

  const sections: { id: string; title: string; content: Markup }[] = [
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
    { id: 'learning', title: 'How did it learn?', content: learning(history, settings) },
    { id: 'balance', title: 'Is ARL doing anything?', content: balance(manifest, history, settings) },
    { id: 'examples', title: 'Examples', content: cellsView(listed, gallery) },
    { id: 'origin', title: 'How was it made?', content: [recipeChoice(manifest), provenance(manifest)] },
  ];
  const page = h(
    'html',
    { lang: 'en' },
    h(
      'head',
      null,
      h('meta', { charset: 'utf-8' }),
      h('meta', { 'http-equiv': 'Content-Security-Policy', content: policy }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('title', null, `${manifest.name}@${manifest.version}`),
      h('style', { dangerouslySetInnerHTML: { __html: style } }),
    ),
    h(
      'body',
      null,
      headline(manifest, outcomes),
      h(
        'nav',
        { 'aria-label': 'Sections' },
        sections.map(({ id, title }) => h('a', { href: `#${id}` }, title)),
      ),
      h(
        'main',
        null,
        sections.map(({ id, title, content }) => h('section', { id }, h('h2', null, title), content)),
      ),
    ),
  );
  return `<!doctype html>\n${renderToString(page)}\n`;
}
