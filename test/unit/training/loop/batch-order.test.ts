import { describe, expect, it } from 'vitest';
import { type BatchOrder, wholeOrder, windowedOrder } from '../../../../src/training/loop/batch-order.ts';

/** The rows of the training set in the batches of some steps. */
function rowsOfSteps(order: BatchOrder, first: number, count: number): number[][] {
  return Array.from({ length: count }, (_, index) => {
    const rows = order.rowsOf(order.windowAt(first + index).window);
    return Array.from(order.batchAt(first + index), (place) => rows[place]);
  });
}

describe('the order of a training set that is in memory', () => {
  it('takes every row once an epoch, over the end of which a batch may reach', () => {
    const order = wholeOrder({ rows: 10, batchSize: 4, seed: 1 });
    const taken = rowsOfSteps(order, 0, 5).flat();
    for (const epoch of [taken.slice(0, 10), taken.slice(10)])
      expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(taken.slice(0, 10)).not.toEqual(taken.slice(10));
  });
});

describe('the order of a training set that is read in windows', () => {
  const options = { rows: 10_003, batchSize: 32, seed: 1 };
  const windowRows = 2000;
  const order = windowedOrder(options, windowRows);
  const stepsOfEpoch = (() => {
    let step = 0;
    for (let window = 0; window < 6; window++) step += order.windowAt(step).steps;
    return step;
  })();

  it('takes a row at most once an epoch, and leaves out less than a batch a window', () => {
    const taken = rowsOfSteps(order, 0, stepsOfEpoch).flat();
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken.length).toBeGreaterThan(options.rows - 6 * (options.batchSize + 16));
    expect(Math.max(...taken)).toBeLessThan(options.rows);
  });

  it('holds no more than a window at a time, and never a batch of two windows', () => {
    for (let window = 0; window < 12; window++)
      expect(order.rowsOf(window).length).toBeLessThanOrEqual(windowRows + 16);
    const { steps } = order.windowAt(0);
    expect(order.windowAt(steps - 1)).toEqual({ window: 0, steps: 1 });
    expect(order.windowAt(steps).window).toBe(1);
  });

  it('deals other rows to the windows of the next epoch', () => {
    const [first, second] = [0, 6].map((window) => new Set(order.rowsOf(window)));
    const shared = [...first].filter((row) => second.has(row)).length / first.size;
    // By chance a window shares a sixth.
    expect(shared).toBeGreaterThan(0.05);
    expect(shared).toBeLessThan(0.35);
  });

  it('mixes a set that is sorted by label: batches have about the shares of the labels', () => {
    const labels = 10;
    const labelOf = (row: number) => Math.floor((row * labels) / options.rows);
    const counts = rowsOfSteps(order, 0, stepsOfEpoch).map((rows) => new Set(rows.map(labelOf)).size);
    // 32 draws of ten labels show 9.66 different ones on average.
    const average = counts.reduce((sum, count) => sum + count) / counts.length;
    expect(average).toBeGreaterThan(9.4);
  });

  it('is the same wherever it is asked to begin', () => {
    const again = windowedOrder(options, windowRows);
    expect(rowsOfSteps(again, 150, 5)).toEqual(rowsOfSteps(order, 150, 5));
  });
});
