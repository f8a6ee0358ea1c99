import type { HeadManifest } from '../heads/manifest.ts';
import type { Prediction, UnsureReason } from '../heads/prediction.ts';
import { itemAt } from '../indexing.ts';
import type { TargetPrediction } from '../targets/prediction.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { OutputCell } from './row-format.ts';

/** The answer to a row, or why there is none, in words. */
export type RowAnswer = Omit<Prediction, 'timings'> | { problem: string };

/** Digits of a probability: more would be noise of single precision. */
const probabilityDigits = 6;
const valueDigits = 7;

const rounded = (value: number, digits: number) => Number(value.toPrecision(digits));
const probabilityOf = ({ probability }: { probability: number }) => rounded(probability, probabilityDigits);
const givenLabels = ({ labels }: TargetPrediction) => labels.filter(({ given }) => given);

const numberCell = (value: number | undefined) => (value === undefined ? null : rounded(value, valueDigits));

type Cells = readonly [name: string, cell: (prediction: TargetPrediction) => OutputCell][];

/** What a prediction adds to a row, by target. */
const cellsOf: Readonly<Record<TargetKind, Cells>> = {
  single: [
    ['predicted_label', ({ labels }) => itemAt(labels, 0).label],
    ['probability', ({ labels }) => probabilityOf(itemAt(labels, 0))],
  ],
  multi: [
    ['predicted_labels', (prediction) => givenLabels(prediction).map(({ label }) => label)],
    ['probabilities', (prediction) => givenLabels(prediction).map(probabilityOf)],
  ],
  regression: [
    ['predicted_value', ({ value }) => numberCell(value)],
    ['predicted_low', ({ interval }) => numberCell(interval?.low)],
    ['predicted_high', ({ interval }) => numberCell(interval?.high)],
  ],
};

/** Whether an answer is accepted, and why it is not. */
const decisionCells: readonly [name: string, cell: (answer: RowAnswer) => OutputCell][] = [
  ['decision', (answer) => ('problem' in answer ? null : (answer.decision ?? null))],
  ['reasons', (answer) => ('problem' in answer ? [] : (answer.reasons ?? []).map(reasonText))],
];

const reasonText = (why: UnsureReason) => ('modality' in why ? `${why.reason}:${why.modality}` : why.reason);

export interface AddedColumnsOptions {
  /** Whether each modality's own answer is added as well. */
  unimodal: boolean;
  /** Whether answers are accepted or unsure. */
  isDecided?: boolean;
  /** Before the name of each added column. */
  prefix: string;
}

/** What is added to each row. */
export interface AddedColumns {
  names: string[];
  cells(answer: RowAnswer): Map<string, OutputCell>;
}

/**
 * The columns that a head adds to a table: what it predicts, what each modality alone says where that is asked for, its own
 * name and version, and why a row was not answered.
 * @example addedColumns(manifest, { unimodal: false, prefix: '' }).names // ['predicted_label', 'probability', 'head', 'error']
 */
export function addedColumns(
  { name, version, target, encoders }: Pick<HeadManifest, 'name' | 'version' | 'target' | 'encoders'>,
  { unimodal, isDecided, prefix }: AddedColumnsOptions,
): AddedColumns {
  const modalities = unimodal ? encoders.map(({ modality }) => modality) : [];
  const cells = cellsOf[target];
  const columns: [name: string, cell: (answer: RowAnswer) => OutputCell][] = [
    ...cells.map(([column, cell]): (typeof columns)[number] => [
      column,
      (answer) => ('problem' in answer ? null : cell(answer)),
    ]),
    ...modalities.flatMap((modality) =>
      cells.map(([column, cell]): (typeof columns)[number] => [
        `${modality}_${column}`,
        (answer) => {
          const own = 'problem' in answer ? undefined : answer.unimodal[modality];
          return own ? cell(own) : null;
        },
      ]),
    ),
    ...(isDecided ? decisionCells : []),
    ['head', () => `${name}@${version}`],
    ['error', (answer) => ('problem' in answer ? answer.problem : null)],
  ];
  const named = columns.map(([column, cell]) => ({ column: prefix + column, cell }));
  return {
    names: named.map(({ column }) => column),
    cells: (answer) => new Map(named.map(({ column, cell }) => [column, cell(answer)])),
  };
}
