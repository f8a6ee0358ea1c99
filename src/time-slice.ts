import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds that long work on the main thread may take of a turn of the event loop, all of it together. */
const slice = 10;

/** When the first of such work began in this turn. */
let began: number | undefined;
/** The last of the turns that work waits for. */
let last: Promise<void> = Promise.resolve();

function beginning(): number {
  if (began !== undefined) return began;
  setImmediate(() => {
    began = undefined;
  });
  began = performance.now();
  return began;
}

/**
 * Shares the main thread: lets everything else that is due run, once a slice of time is used up. Promises alone don't: a
 * loop over what is there already runs to its end before any request is read. However many do such work at a time, they
 * take one slice of a turn, and wait for each other.
 * @example
 * const turns = new TimeSlice();
 * for (const item of items) { work(item); await turns.share(); }
 */
export class TimeSlice {
  constructor() {
    beginning();
  }

  /** Waits for a turn of the event loop of its own, where this one has taken long enough. */
  async share(): Promise<void> {
    if (performance.now() - beginning() < slice) return;
    last = last.then(() => nextTurn());
    await last;
    beginning();
  }
}

let queue: Promise<unknown> = Promise.resolve();

/**
 * Does a piece of work that takes milliseconds when its turn comes: pieces that are asked for at once are done one after the
 * other, and share the main thread.
 * @example const features = await inTurn(() => companion.encode(text));
 */
export function inTurn<Result>(work: () => Result): Promise<Result> {
  const done = queue.then(async () => {
    await new TimeSlice().share();
    return work();
  });
  queue = done.catch(() => {});
  return done;
}
