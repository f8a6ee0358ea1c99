import { h } from 'preact';
import type { HeadManifest } from '../heads/manifest.ts';
import { itemAt } from '../indexing.ts';
import { count } from './format.ts';
import { type Markup, paragraph, table } from './markup.ts';

/** What a recipe was chosen by, in a target's words. */
export interface RecipeWords {
  /** What is so of what was held out under the best recipe. */
  best: string;
  /** The loss. */
  loss: string;
  /** What the weights of a calibration are. */
  weights: string;
}

/** How the recipe and the calibration were found, where they were: on training examples alone. */
export function recipeChoice(
  { training, calibration, encoders }: HeadManifest,
  { best, loss, weights }: RecipeWords,
): Markup {
  const { search } = training;
  if (!search) return null;
  const { folds, examples, candidates } = search;
  const held =
    folds === 1
      ? 'a tenth of them was held out'
      : `${folds} folds of them were held out, one after the other`;
  return [
    h('h3', null, 'How was the recipe chosen?'),
    paragraph(
      `By cross-validation on ${count(examples, 'training example')}: ${held}. The recipe under which ${best} ` +
        'was then trained on all of them. The test examples had no part in it.',
    ),
    table(
      'Recipes tried',
      [{ title: 'Recipe' }, { title: loss, numeric: true }, { title: 'Calibrated', numeric: true }],
      candidates.map(({ changes, loss: before, calibratedLoss }) => [
        describe(changes),
        before.toFixed(3),
        calibratedLoss.toFixed(3),
      ]),
    ),
    calibration
      ? table(
          weights,
          [{ title: 'Answer' }, ...['fused', ...encoders.map(({ modality }) => modality)].map(numeric)],
          [
            ['from everything', ...calibration.fused.map((weight) => weight.toFixed(2))],
            ...encoders.map(({ modality }, m) => [
              `from ${modality} alone`,
              '',
              ...encoders.map((_, other) => (other === m ? itemAt(calibration.unimodal, m).toFixed(2) : '')),
            ]),
          ],
        )
      : paragraph('Calibration made held-out answers no better, so they are left as they are.'),
  ];
}

function numeric(title: string) {
  return { title, numeric: true };
}

function describe(changes: Record<string, unknown>): string {
  const entries = Object.entries(changes);
  return entries.length === 0
    ? 'as given'
    : entries.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ');
}
