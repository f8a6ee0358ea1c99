import { open } from 'node:fs/promises';
import { predictionFrom } from '../heads/unimodal-prediction.ts';
import { addedColumns, type RowAnswer } from '../scoring/added-columns.ts';
import { formatFor, type OutputCell, type OutputRow } from '../scoring/row-format.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { contentOf, labelsOf, numberOf, type Truth } from '../targets/truth.ts';
import type { MeasuredAnswers, TestExample } from '../training/report-input.ts';

/** Rows that are written at a time. */
const rowsOfPiece = 10_000;

type Judged = readonly [column: string, cell: (truth: Truth, answer: RowAnswer) => OutputCell];

const first = (answer: RowAnswer) => ('problem' in answer ? undefined : answer.labels[0]?.label);
const given = (answer: RowAnswer) =>
  'problem' in answer ? [] : answer.labels.flatMap((label) => (label.given ? label.label : []));

/** What is true of a row, and whether it was predicted, by target. */
const judgements: Readonly<Record<TargetKind, { truth: Judged; outcome: Judged }>> = {
  single: {
    truth: ['true_label', (truth) => contentOf(truth)],
    outcome: ['correct', (truth, answer) => first(answer) === contentOf(truth)],
  },
  multi: {
    truth: ['true_labels', (truth) => [...labelsOf(truth)]],
    outcome: [
      'correct',
      (truth, answer) => new Set(labelsOf(truth)).symmetricDifference(new Set(given(answer))).size === 0,
    ],
  },
  regression: {
    truth: ['true_value', (truth) => numberOf(truth)],
    outcome: [
      'difference',
      (truth, answer) =>
        'problem' in answer || answer.value === undefined
          ? null
          : Number((answer.value - numberOf(truth)).toPrecision(6)),
    ],
  },
};

const plain = { separator: '|', escapeFormulas: false };

/** @throws TandemError `invalid-request` where nothing can be written to a file of such a name */
export function checkFormat(file: string): void {
  formatFor(file, plain);
}

/**
 * Writes what a head answered to each example and what is true of it: `row` (the line of its table), `true_label`,
 * `predicted_label`, `probability`, `correct`, and whether the head learned from it, where it keeps a record.
 * @param file its format by its extension: `.csv`, `.tsv` or `.jsonl`
 * @throws TandemError `invalid-request` where it has no such extension
 * @example await writePredictions('predictions.csv', answered);
 */
export async function writePredictions(file: string, answered: MeasuredAnswers): Promise<void> {
  const { manifest, test, trainedOn } = answered;
  const format = formatFor(file, plain);
  const added = addedColumns(manifest, { unimodal: false, prefix: '' });
  const { truth, outcome } = judgements[manifest.target];
  const columns = [
    ...['row', truth[0]],
    ...added.names.filter((name) => name !== 'error'),
    outcome[0],
    ...(trainedOn ? ['trained_on'] : []),
  ];
  const rowOf = (example: TestExample, index: number): OutputRow => {
    const answer = predictionFrom(example.probabilities, manifest, 1);
    const cells = new Map<string, OutputCell>([
      ['row', example.row],
      [truth[0], truth[1](example.truth, answer)],
      ...added.cells(answer),
      [outcome[0], outcome[1](example.truth, answer)],
      ['trained_on', trainedOn?.[index]],
    ]);
    return { values: new Map(), added: new Map(columns.map((column) => [column, cells.get(column)])) };
  };
  await using output = await open(file, 'w');
  await output.appendFile(format.header(columns));
  for (let start = 0; start < test.length; start += rowsOfPiece) {
    const piece = test.slice(start, start + rowsOfPiece);
    const rows = piece.map((example, index) => rowOf(example, start + index));
    await output.appendFile(format.rows(columns, rows));
  }
}
