import { styleText } from 'node:util';
import type { ExplainedPart, Explanation, ModalityExplanation } from '../heads/explanation.ts';
import { modalities } from '../modalities/registry.ts';
import { textOf } from '../targets/truth.ts';
import { numberText, percent, print, printStyled, visible } from './output.ts';

/** Parts that are listed of each modality. */
const mostListed = 12;
/** Characters of the longest bar, and of a part's name. */
const barLength = 24;
const nameLength = 32;
const gridKey = ' (the darker a cell, the more it moves the answer; - where it lowers it)';
const shades = ['·', '░', '▒', '▓', '█'];

/**
 * Prints what an answer rests on: the parts of each modality with a bar each, or as the cells of a grid. Where colours are
 * shown, what raises the answer is green and what lowers it red.
 * @example printExplanation(prediction.explanation);
 */
export function printExplanation(explanation: Explanation): void {
  const { label, answer, cost, nearest } = explanation;
  const tell: Tell = label === undefined ? { level: numberText, change: numberText } : ofProbability;
  print();
  print(`what ${label === undefined ? '' : `${label}, `}${tell.level(answer)}, rests on:`);
  for (const { name, namePart } of modalities) {
    const found: ModalityExplanation | undefined = explanation.modalities[name];
    if (!found) continue;
    print(`${name}: ${summaryOf(found, tell)}${namePart ? '' : gridKey}`);
    if (namePart) for (const line of barsOf(found.parts, namePart, tell)) printStyled(line);
    else for (const line of gridOf(found.parts)) printStyled(line);
  }
  print(
    nearest.length > 0 ? 'nearest training examples:' : 'the head keeps no training examples to compare with',
  );
  for (const { row, truth, similarity, dataset } of nearest) {
    const place = dataset === undefined ? `row ${row}` : `row ${row} of ${dataset}`;
    print(`  ${similarity.toFixed(2)}  ${textOf(truth) || 'no label'} (${place})`);
  }
  print(`${cost.encodes} items encoded for it in ${Math.round(cost.milliseconds)} ms`);
}

interface Tell {
  level(answer: number): string;
  change(effect: number): string;
}

const ofProbability: Tell = { level: percent, change: (effect) => (100 * effect).toFixed(1) };

function summaryOf({ alone, weight, effect }: ModalityExplanation, tell: Tell): string {
  const parts = [`alone ${tell.level(alone)}`];
  if (weight !== undefined) parts.push(`weight ${weight.toFixed(2)}`);
  if (effect !== undefined) parts.push(`effect ${signed(effect, tell)}`);
  return parts.join(', ');
}

function signed(effect: number, { change }: Tell): string {
  const text = change(effect);
  return effect > 0 ? `+${text}` : text;
}

/** The parts that move the answer most. */
function barsOf(
  parts: readonly ExplainedPart<object>[],
  namePart: (part: object) => string,
  tell: Tell,
): string[] {
  const largest = largestOf(parts);
  const listed = parts.toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, mostListed);
  const lines = listed.map((part) => {
    const name = visible(namePart(part).replaceAll(/\s+/g, ' '));
    const cut = name.length > nameLength ? `${name.slice(0, nameLength - 1)}…` : name;
    const bar = '█'.repeat(Math.round(barLength * share(part.effect, largest)));
    return `  ${cut.padEnd(nameLength)} ${signed(part.effect, tell).padStart(9)} ${coloured(bar, part.effect)}`.trimEnd();
  });
  if (parts.length > listed.length) lines.push(`  and ${parts.length - listed.length} that move it less`);
  return lines;
}

/** Cells row by row, the darker the more they move the answer. */
function gridOf(parts: readonly ExplainedPart<object>[]): string[] {
  const largest = largestOf(parts);
  const columns = Math.round(Math.sqrt(parts.length));
  return Array.from({ length: columns }, (_, row) => {
    const cells = parts.slice(row * columns, (row + 1) * columns).map(({ effect }) => {
      const shade = shades[Math.round((shades.length - 1) * share(effect, largest))] ?? '';
      return coloured(effect < 0 && shade !== shades[0] ? `-${shade}` : shade.repeat(2), effect);
    });
    return `  ${cells.join('')}`;
  });
}

function largestOf(parts: readonly ExplainedPart<object>[]): number {
  return Math.max(...parts.map(({ effect }) => Math.abs(effect)));
}

function share(effect: number, largest: number): number {
  return largest === 0 ? 0 : Math.abs(effect) / largest;
}

/** Not where the output is no terminal, or NO_COLOR is set. */
function coloured(text: string, effect: number): string {
  if (text === '') return '';
  return styleText(effect < 0 ? 'red' : 'green', text, { stream: process.stdout });
}
