import { open } from 'node:fs/promises';
import { isRight } from '../heads/decision.ts';
import { predictionFrom } from '../heads/unimodal-prediction.ts';
import { addedColumns } from '../scoring/added-columns.ts';
import { formatFor, type OutputCell, type OutputRow } from '../scoring/row-format.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import { contentOf, labelsOf, numberOf, type Truth } from '../targets/truth.ts';
import type { MeasuredAnswers, TestExample } from '../training/report-input.ts';

/** Rows that are written at a time. */
const rowsOfPiece = 10_000;

/** What is true of a row, by target: the column, and its cell. */
const truths: Readonly<Record<TargetKind, readonly [column: string, cell: (truth: Truth) => OutputCell]>> = {
  single: ['true_label', (truth) => contentOf(truth)],
  multi: ['true_labels', (truth) => [...labelsOf(truth)]],
  regression: ['true_value', (truth) => numberOf(truth)],
};

/** What came of a row: whether it was predicted, or by how much the number differs. */
function outcomeOf({ manifest, truth }: MeasuredAnswers, example: TestExample, index: number): OutputCell {
  const isCorrect = isRight(example.probabilities, manifest, truth, index);
  if (isCorrect !== undefined) return isCorrect;
  const { value } = predictionFrom(example.probabilities, manifest, 1);
  return value === undefined ? null : Number((value - numberOf(example.truth)).toPrecision(6));
}

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
  const [truthColumn, truthCell] = truths[manifest.target];
  const outcomeColumn = targets[manifest.target].verdict ? 'correct' : 'difference';
  const columns = [
    ...['row', truthColumn],
    ...added.names.filter((name) => name !== 'error'),
    outcomeColumn,
    ...(trainedOn ? ['trained_on'] : []),
  ];
  const rowOf = (example: TestExample, index: number): OutputRow => {
    const answer = predictionFrom(example.probabilities, manifest, 1);
    const cells = new Map<string, OutputCell>([
      ['row', example.row],
      [truthColumn, truthCell(example.truth)],
      ...added.cells(answer),
      [outcomeColumn, outcomeOf(answered, example, index)],
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
