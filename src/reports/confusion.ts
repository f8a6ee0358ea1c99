import { itemAt } from '../indexing.ts';
import type { Outcome } from './outcome.ts';

/** The examples of one class that the head took for one class, perhaps the same. Never empty. */
export interface Cell {
  actual: number;
  predicted: number;
  /** Mistakes the surest first, right answers the least sure first: what is worth a look leads. */
  outcomes: Outcome[];
}

/** Cells of the confusion matrix: mistakes first, then the fullest first. */
export function confusionCells(outcomes: readonly Outcome[]): Cell[] {
  const groups = Map.groupBy(outcomes, ({ actual, predicted }) => `${actual},${predicted}`);
  const cells = [...groups.values()].map((members): Cell => {
    const { actual, predicted } = itemAt(members, 0);
    const sign = actual === predicted ? 1 : -1;
    return {
      actual,
      predicted,
      outcomes: members.sort((a, b) => sign * (a.confidence - b.confidence)),
    };
  });
  const right = ({ actual, predicted }: Cell) => Number(actual === predicted);
  return cells.sort((a, b) => right(a) - right(b) || b.outcomes.length - a.outcomes.length);
}

/** Anchor of the cell's examples. */
export function anchorOf({ actual, predicted }: Pick<Cell, 'actual' | 'predicted'>): string {
  return `cell-${actual}-${predicted}`;
}
