import { itemAt } from '../../indexing.ts';
import { Random } from '../../random.ts';

/**
 * Which examples make each batch, as a function of the seed and the step alone. A window is a part of the training set
 * that is in memory at one time; a batch is places in a window.
 */
export interface BatchOrder {
  /** The window of the step, and how many steps from this one on stay in it. */
  windowAt(step: number): { window: number; steps: number };
  /** The rows of the training set that a window holds, in the order of their places. */
  rowsOf(window: number): Int32Array;
  /** The places of the step's examples in its window. */
  batchAt(step: number): Int32Array;
}

export interface OrderOptions {
  rows: number;
  batchSize: number;
  seed: number;
}

/**
 * One window with everything. Examples come in epochs, each a new permutation of them all; a batch may reach over the
 * end of an epoch, so none is ragged.
 */
export function wholeOrder({ rows, batchSize, seed }: OrderOptions): BatchOrder {
  let known = -1;
  let order = new Int32Array();
  const orderOf = (epoch: number) => {
    if (epoch !== known) {
      known = epoch;
      order = Int32Array.from(new Random(seed, 'shuffle', epoch).shuffle([...Array(rows).keys()]));
    }
    return order;
  };
  return {
    windowAt: () => ({ window: 0, steps: Number.POSITIVE_INFINITY }),
    rowsOf: () => new Int32Array(Array(rows).keys()),
    batchAt(step) {
      const batch = new Int32Array(batchSize);
      for (let filled = 0; filled < batchSize; ) {
        const position = step * batchSize + filled;
        const first = position % rows;
        const part = orderOf(Math.floor(position / rows)).subarray(first, first + batchSize - filled);
        batch.set(part, filled);
        filled += part.length;
      }
      return batch;
    },
  };
}

/** Neighbours that always share a window: long enough to be one read of a disk, short enough to be nothing in a window. */
const blockRows = 16;

/**
 * Windows of blocks of rows, for a training set that is larger than memory. In each epoch the blocks are dealt anew to
 * the windows, every order equally likely, and so are the rows of a window to its batches. So a batch is drawn from
 * thousands of places of the set, but never from two windows; the last few rows of a window, less than a batch, wait
 * for another epoch.
 * @param windowRows rows of a window, at least a batch
 */
export function windowedOrder({ rows, batchSize, seed }: OrderOptions, windowRows: number): BatchOrder {
  const blocks = Math.ceil(rows / blockRows);
  const windows = Math.ceil(blocks / Math.ceil(windowRows / blockRows));
  const firstBlock = (index: number) => Math.round((index * blocks) / windows);
  // The last block may be short, and chance puts it anywhere: every window counts as if it had it.
  const shortfall = blocks * blockRows - rows;
  const stepsOf = (index: number) =>
    Math.floor(((firstBlock(index + 1) - firstBlock(index)) * blockRows - shortfall) / batchSize);
  const firstStep = [0];
  for (let index = 0; index < windows; index++) firstStep.push(itemAt(firstStep, index) + stepsOf(index));
  const stepsOfEpoch = itemAt(firstStep, windows);

  const locate = (step: number) => {
    const epoch = Math.floor(step / stepsOfEpoch);
    const within = step % stepsOfEpoch;
    const index = firstStep.findLastIndex((first) => first <= within);
    return {
      window: epoch * windows + index,
      within: within - itemAt(firstStep, index),
      steps: itemAt(firstStep, index + 1) - within,
    };
  };
  const rowsOf = (window: number) => {
    const index = window % windows;
    const order = new Random(seed, 'shuffle blocks', Math.floor(window / windows)).shuffle([
      ...Array(blocks).keys(),
    ]);
    const chosen = order.slice(firstBlock(index), firstBlock(index + 1)).sort((a, b) => a - b);
    return Int32Array.from(
      chosen.flatMap((block) =>
        Array.from(
          { length: Math.min(blockRows, rows - block * blockRows) },
          (_, row) => block * blockRows + row,
        ),
      ),
    );
  };
  let known = -1;
  let places: number[] = [];
  return {
    windowAt: (step) => {
      const { window, steps } = locate(step);
      return { window, steps };
    },
    rowsOf,
    batchAt: (step) => {
      const { window, within } = locate(step);
      if (window !== known) {
        known = window;
        places = new Random(seed, 'shuffle window', window).shuffle([...Array(rowsOf(window).length).keys()]);
      }
      return Int32Array.from(places.slice(within * batchSize, (within + 1) * batchSize));
    },
  };
}
