import type { Provider } from '../runtime/protocol.ts';

/**
 * The shapes that batches come in. A GPU plans, and keeps memory, for every shape that it meets: there, batches are
 * padded to a few. A CPU takes every batch as it is.
 */
export interface BatchShapes {
  /** Rows of a batch of so many items. */
  rows(items: number): number;
  /** Tokens of a row whose longest text has so many, of at most `most`. */
  tokens(longest: number, most: number): number;
  /** The largest budget up to this one that full batches of items of this cost, padded, still keep. */
  budget(budget: number, cost: number): number;
  /**
   * What a run costs beside its tokens, in tokens. Measured on a CPU: weights pass through the cache once a run, which
   * takes as long as nine tokens' products. A GPU is never so full that another run would cost less than padding.
   */
  readonly overhead: number;
}

/** Shorter texts than this are padded to it, on a GPU. */
const fewestTokens = 16;
/** Smaller batches than this are padded to it, on a GPU: an H100 takes 2.2 ms for eight images and 1.7 ms for one. */
const fewestRows = 8;

const exact: BatchShapes = {
  rows: (items) => items,
  tokens: (longest) => longest,
  budget: (budget) => budget,
  overhead: 9,
};

/** Rows and tokens are powers of two; so are the budget's items, lest padding exceed it. There is room for the fewest rows. */
const powersOfTwo: BatchShapes = {
  rows: (items) => Math.max(fewestRows, 2 ** Math.ceil(Math.log2(items))),
  tokens: (longest, most) => Math.min(most, Math.max(fewestTokens, 2 ** Math.ceil(Math.log2(longest)))),
  budget: (budget, cost) => cost * 2 ** Math.floor(Math.log2(Math.max(fewestRows, budget / cost))),
  overhead: Number.POSITIVE_INFINITY,
};

/** @example batchShapes.cuda.rows(5) // 8 */
export const batchShapes: Readonly<Record<Provider, BatchShapes>> = { cpu: exact, cuda: powersOfTwo };
