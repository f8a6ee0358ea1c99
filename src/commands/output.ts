import Table from 'cli-table3';
import type { HeadMetrics, TrainingSummary } from '../training/progress.ts';

/** Prints one JSON object and nothing else, for machines. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints a line for people. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

const noBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle'].flatMap((side) => [
    [side, side === 'middle' ? '  ' : ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
);

/** A table with aligned columns, the first to the left and the others to the right. */
export function table([head, ...rows]: readonly (readonly string[])[]): string {
  const columns = head.map((_, column) => (column === 0 ? 'left' : 'right'));
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };
  const lines = new Table({
    chars: { ...noBorders, 'left-mid': '', mid: '', 'mid-mid': '' },
    style,
    colAligns: columns,
  });
  lines.push(...[head, ...rows].map((row) => [...row]));
  return lines.toString();
}

/** The main figures of a head, as a table: together, and each modality alone. */
export function metricsTable({ fused, image, text }: TrainingSummary['metrics']): string {
  const row = (name: string, metrics: HeadMetrics) => [
    name,
    percent(metrics.accuracy),
    metrics.macroF1.toFixed(3),
    metrics.negativeLogLikelihood.toFixed(3),
    metrics.calibrationError.toFixed(3),
    String(metrics.examples),
  ];
  return table([
    ['answers from', 'accuracy', 'macro-F1', 'neg. log likelihood', 'calibration error', 'examples'],
    row('everything', fused),
    ...(image ? [row('image only', image)] : []),
    ...(text ? [row('text only', text)] : []),
  ]);
}
