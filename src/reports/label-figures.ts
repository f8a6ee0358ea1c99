import type { HeadManifest } from '../heads/manifest.ts';
import { thresholdsOf } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { TruthTable } from '../targets/truth-table.ts';
import type { TestExample } from '../training/report-input.ts';
import { clearlySurer } from './classes.ts';
import { decidedExamples, decisionOn } from './decisions.ts';
import { count, decimal, percent, shorten } from './format.ts';
import { foreign, type Markup, paragraph, table } from './markup.ts';
import { mean } from './mean.ts';

/** How a head for several labels does on each of them, the worst first. */
export function labelFigures(head: HeadManifest, test: readonly TestExample[], truth: TruthTable): Markup {
  const used = head.encoders.map(({ modality }) => modality);
  const several = used.length > 1;
  const shown = thresholdsOf(head, used);
  const decided = decidedExamples(head, test, truth);
  const rows = head.labels
    .map((label, index) => {
      const threshold = itemAt(shown, index);
      const own = decided.map((example) => decisionOn(example, index));
      const bearers = own.filter(({ isBorne }) => isBorne);
      const right = bearers.filter(({ isGiven }) => isGiven).length;
      const [answered, bearing] = [own.filter(({ isGiven }) => isGiven).length, bearers.length];
      const f1 = (2 * right) / (answered + bearing);
      const complete = bearers
        .map(({ example }) => example)
        .filter(({ probabilities: { unimodal } }) => used.every((modality) => unimodal[modality]));
      const means = used.map((modality) => [modality, meanProbability(complete, modality, index)] as const);
      return { label, threshold, right, answered, bearing, f1, leansOn: clearlySurer(means) };
    })
    .sort((a, b) => (Number.isNaN(a.f1) ? 1 : Number.isNaN(b.f1) ? -1 : a.f1 - b.f1));
  return [
    paragraph(
      'Each label is given from its threshold on: that of the best F1 in cross-validation, or 0.5 where it is no better. Precision: when the label is ',
      'given, how often that is right. Recall: of the examples that bear it, how many get it.',
      several &&
        ' It leans on the modality that gives examples that bear it a probability higher by 10 percentage points.',
    ),
    table(
      'Figures by label, the worst first',
      [
        { title: 'Label' },
        { title: 'Test examples', numeric: true },
        { title: 'Given', numeric: true },
        { title: 'Precision', numeric: true },
        { title: 'Recall', numeric: true },
        { title: 'F1', numeric: true },
        { title: 'Threshold', numeric: true },
        ...(several ? [{ title: 'Leans on' }] : []),
      ],
      rows.map(({ label, threshold, right, answered, bearing, f1, leansOn }) => [
        foreign(shorten(label, 60)),
        count(bearing),
        count(answered),
        percent(right / answered),
        percent(right / bearing),
        percent(f1),
        decimal(threshold),
        ...(several ? [leansOn ?? '–'] : []),
      ]),
    ),
  ];
}

function meanProbability(examples: readonly TestExample[], modality: ModalityName, label: number): number {
  return mean(examples.map(({ probabilities }) => probabilities.unimodal[modality]?.[label] ?? Number.NaN));
}
