import { h } from 'preact';
import { itemAt } from '../indexing.ts';
import { byModality, type ModalityName } from '../modalities/registry.ts';
import { anchorOf, type Cell } from './confusion.ts';
import { count, percent, shorten } from './format.ts';
import { bar, foreign, type Markup, paragraph, table } from './markup.ts';
import { mean } from './mean.ts';
import type { Outcome } from './outcome.ts';

/** How the head does on one class. A figure that nothing is known about is NaN. */
export interface ClassFigures {
  label: number;
  /** Test examples that bear the label. */
  support: number;
  precision: number;
  recall: number;
  f1: number;
  /** Mean probability of the true label. */
  trueProbability: Record<'fused' | ModalityName, number>;
  /** The modality that is clearly surer of the true label, over the examples that have every one. */
  leansOn?: ModalityName | 'neither';
  /** The label that its examples are taken for most often, if any. */
  takenFor?: Cell;
}

/** Rows in sight; the rest of a long table is folded. */
const rowsInSight = 40;
/** A class whose modalities' probabilities differ by less leans on neither. */
const evenWithin = 0.1;

/** Figures of every class that occurs or is answered, the worst first. */
export function classFigures(
  outcomes: readonly Outcome[],
  cells: readonly Cell[],
  used: readonly ModalityName[],
): ClassFigures[] {
  const byActual = Map.groupBy(outcomes, ({ actual }) => actual);
  const byPredicted = Map.groupBy(outcomes, ({ predicted }) => predicted);
  const mistaken = cells.filter(({ actual, predicted }) => actual !== predicted);
  const takenFor = Map.groupBy(mistaken, ({ actual }) => actual);
  const occurring = [...new Set([...byActual.keys(), ...byPredicted.keys()])];
  return occurring
    .map((label): ClassFigures => {
      const members = byActual.get(label) ?? [];
      const answered = byPredicted.get(label) ?? [];
      const right = members.filter(({ predicted }) => predicted === label).length;
      return {
        label,
        support: members.length,
        precision: right / answered.length,
        recall: right / members.length,
        f1: (2 * right) / (members.length + answered.length),
        trueProbability: trueProbability(members),
        leansOn: leaning(members, used),
        takenFor: takenFor.get(label)?.[0],
      };
    })
    .sort((a, b) => a.f1 - b.f1 || b.support - a.support || a.label - b.label);
}

function trueProbability(members: readonly Outcome[]): ClassFigures['trueProbability'] {
  const of = (modality: ModalityName) =>
    mean(
      members.flatMap(({ example, actual }) => {
        const prediction = example.probabilities.unimodal[modality];
        return prediction ? [itemAt(prediction, actual)] : [];
      }),
    );
  const fused = mean(members.map(({ example, actual }) => itemAt(example.probabilities.fused, actual)));
  return { fused, ...byModality(({ name }) => of(name)) };
}

function leaning(members: readonly Outcome[], used: readonly ModalityName[]): ClassFigures['leansOn'] {
  const complete = members.filter(({ example: { probabilities } }) =>
    used.every((modality) => probabilities.unimodal[modality]),
  );
  const means = trueProbability(complete);
  return clearlySurer(used.map((modality) => [modality, means[modality]]));
}

/**
 * Which modality is clearly surer than every other, by the mean probability that each gives to what is true; undefined
 * where fewer than two say anything.
 */
export function clearlySurer(
  means: readonly (readonly [ModalityName, number])[],
): ModalityName | 'neither' | undefined {
  const [first, second] = means.filter(([, mean]) => !Number.isNaN(mean)).sort(([, a], [, b]) => b - a);
  if (!first || !second) return undefined;
  return first[1] - second[1] < evenWithin ? 'neither' : first[0];
}

/** @param linked the cells whose examples are listed */
export function classesView(
  figures: readonly ClassFigures[],
  labels: readonly string[],
  used: readonly ModalityName[],
  linked: ReadonlySet<Cell>,
): Markup {
  const several = used.length > 1;
  const kinds = several ? (['fused', ...used] as const) : (['fused'] as const);
  const untested = labels.length - figures.length;
  const columns = [
    { title: 'Label' },
    { title: 'Test examples', numeric: true },
    { title: 'Precision', numeric: true },
    { title: 'Recall', numeric: true },
    { title: 'F1', numeric: true },
    { title: 'Most often taken for' },
    { title: 'Probability of the true label' },
    ...(several ? [{ title: 'Leans on' }] : []),
  ];
  const row = ({ label, support, precision, recall, f1, ...figure }: ClassFigures) => [
    name(itemAt(labels, label)),
    count(support),
    percent(precision),
    percent(recall),
    percent(f1),
    figure.takenFor ? mistakenLabel(figure.takenFor, labels, linked.has(figure.takenFor)) : '–',
    support === 0
      ? '–'
      : kinds.map((kind) =>
          Number.isNaN(figure.trueProbability[kind])
            ? null
            : bar(kind, figure.trueProbability[kind], [
                several && `${kind} `,
                percent(figure.trueProbability[kind]),
              ]),
        ),
    ...(several ? [figure.leansOn ?? '–'] : []),
  ];
  const classTable = (caption: string, part: readonly ClassFigures[]) =>
    table(caption, columns, part.map(row));
  const folded = figures.slice(rowsInSight);
  return [
    h('h3', null, 'Class by class, the worst first'),
    paragraph(
      'Precision: when it answers this label, how often that is right. Recall: of the examples with this label, how many it ',
      'finds. F1 is their harmonic mean.',
      several &&
        ' The bars show the mean probability given to the true label, fused and by each modality alone; a class leans on the modality whose probability is higher by 10 percentage points.',
      untested > 0 &&
        ` ${count(untested, 'label')} ${untested === 1 ? 'has' : 'have'} no test example and ${untested === 1 ? 'is' : 'are'} never answered, so nothing can be said of ${untested === 1 ? 'it' : 'them'}.`,
    ),
    classTable('Figures by class', figures.slice(0, rowsInSight)),
    folded.length > 0 &&
      h(
        'details',
        null,
        h('summary', null, `${count(folded.length, 'more label')}`),
        classTable('Figures of the other classes', folded),
      ),
  ];
}

function name(label: string): Markup {
  return h('span', { title: label }, foreign(shorten(label, 40)));
}

function mistakenLabel(cell: Cell, labels: readonly string[], isLinked: boolean): Markup {
  const content = [name(itemAt(labels, cell.predicted)), ` (${count(cell.outcomes.length)})`];
  return isLinked ? h('a', { href: `#${anchorOf(cell)}` }, content) : content;
}
