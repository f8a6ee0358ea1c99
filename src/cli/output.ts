import Table from 'cli-table3';
import type { AnswerMetrics } from '../evaluation/answers.ts';
import { figureNamed, type Metrics } from '../evaluation/metrics.ts';
import { evaluations } from '../evaluation/targets.ts';
import type { Acceptance } from '../heads/registry/acceptance.ts';
import { modalities, type PretrainedName, pretrainedModalities } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target-kind.ts';

/** What moves a terminal's cursor, changes its colours or turns its text around, and is no line feed. */
const control = /(?!\n)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/**
 * A text with its control characters written out: names, labels and messages come from their authors, and a terminal
 * obeys what it is shown.
 * @example visible('red\u001b[31m') // 'red\\u001b[31m'
 */
export function visible(text: string): string {
  return text.replace(control, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** @example describeBudgets({ image: 200_704, text: 512 }) // '200704 pixels and 512 tokens' */
export function describeBudgets(budgets: Readonly<Record<PretrainedName, number>>): string {
  return pretrainedModalities.map(({ name, unit }) => `${budgets[name]} ${unit}`).join(' and ');
}

/** Prints one JSON object and nothing else, for machines. */
export function printJson(value: unknown): void {
  process.stdout.write(`${visible(JSON.stringify(value, null, 2))}\n`);
}

/** What a terminal takes to clear the line that the cursor is in. */
const clearLine = '\r\u001b[K';
let isStatusShown = false;

/** Shows a line on stderr, a terminal, until the next line of any kind takes its place. It is cut to the terminal's width. */
export function showStatus(line: string): void {
  process.stderr.write(`${clearLine}${visible(line).slice(0, process.stderr.columns - 1)}`);
  isStatusShown = true;
}

function clearStatus(): void {
  if (isStatusShown) process.stderr.write(clearLine);
  isStatusShown = false;
}

/** Prints a line for people. */
export function print(line = ''): void {
  printStyled(visible(line));
}

/** The same of a line that has colours: what others wrote in it went through {@link visible}. */
export function printStyled(line: string): void {
  clearStatus();
  process.stdout.write(`${line}\n`);
}

/** Prints a line for people beside the output: a note, or what went wrong. */
export function printAside(line: string): void {
  clearStatus();
  process.stderr.write(`${visible(line)}\n`);
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

type Row = readonly string[];

/** A table with aligned columns, the first to the left and the others to the right. */
export function table([head, ...rows]: readonly [head: Row, ...rows: Row[]]): string {
  const columns = head.map((_, column) => (column === 0 ? 'left' : 'right'));
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };
  const lines = new Table({
    chars: { ...noBorders, 'left-mid': '', mid: '', 'mid-mid': '' },
    style,
    colAligns: columns,
  });
  // A line feed in a cell would begin a line of its own.
  lines.push(...[head, ...rows].map((row) => row.map((cell) => visible(cell).replaceAll('\n', escaped))));
  return lines.toString();
}

/** A number that a head says, with as many digits as it can mean: it answers in single precision. */
export function numberText(value: number): string {
  return String(Number(value.toPrecision(7)));
}

/** One figure of a head. */
export function metricText(value: number, isShare: boolean): string {
  if (isShare) return percent(value);
  return value !== 0 && Math.abs(value) < 0.001 ? value.toPrecision(3) : value.toFixed(3);
}

/**
 * Values beside their names, one a line; those that are undefined are left out.
 * @example printFields({ encoder: 'all-MiniLM-L6-v2', features: 384 });
 */
export function printFields(fields: Readonly<Record<string, unknown>>): void {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  for (const [name, value] of present) print(`${name.padEnd(width)}  ${value}`);
}

/** The main figures of a head, as a table: together, and each modality alone. */
export function metricsTable({ fused, unimodal }: AnswerMetrics, target: TargetKind): string {
  const titles = evaluations[target].titles;
  const row = (name: string, metrics: Metrics) => [
    name,
    ...titles.map((metric) => metricText(figureNamed(metric.name, metrics), metric.isShare)),
    String(metrics.examples),
  ];
  return table([
    ['answers from', ...titles.map(({ title }) => title), 'examples'],
    row('everything', fused),
    ...modalities.flatMap(({ name }) => {
      const metrics = unimodal[name];
      return metrics ? [row(`${name} only`, metrics)] : [];
    }),
  ]);
}

/** @example describeAcceptance(acceptance) // 'accepts answers from 0.81 on: 235 of 240 right, of 300 held-out examples' */
export function describeAcceptance({
  threshold,
  accepted,
  right,
  rows,
  accuracy,
  reachedBy,
}: Acceptance): string {
  const short = reachedBy === 'estimate' ? `; its 95 % interval does not reach ${accuracy}` : '';
  return `accepts answers from ${threshold.toFixed(3)} on: ${right} of ${accepted} right, of ${rows} held-out examples${short}`;
}
