import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Batcher } from '../../../src/runtime/batcher.ts';

/** A runner that does one batch at a time, each until it is released, and remembers them. */
function gatedRunner() {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const run = (take: () => readonly number[]) => {
    const result = turn.then(async () => {
      const batch = take();
      batches.push([...batch]);
      await new Promise<void>((resolve) => gates.push(resolve));
      return batch.map((item) => item * 10);
    });
    turn = result;
    return result;
  };
  /** Ends the batch that runs. */
  const release = async () => {
    await pause();
    gates.shift()?.();
    await pause();
  };
  return { batches, run, release };
}

const pause = (milliseconds = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a batcher', () => {
  it('runs a lone item at once and batches whatever waited meanwhile', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 3, maximumQueue: 10 });
    const first = batcher.submit(1);
    await pause();
    expect(batches).toEqual([[1]]);
    const others = [2, 3, 4, 5].map((item) => batcher.submit(item));
    for (let round = 0; round < 3; round++) await release();
    expect(batches).toEqual([[1], [2, 3, 4], [5]]);
    const answers = await Promise.all([first, ...others]);
    expect(answers.map(({ result }) => result)).toEqual([10, 20, 30, 40, 50]);
  });

  it('lets a batch grow until a runner is free for it', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 8, maximumQueue: 10 });
    const answers = [];
    for (const item of [1, 2, 3, 4]) {
      answers.push(batcher.submit(item));
      await pause();
    }
    for (let round = 0; round < 2; round++) await release();
    expect(batches).toEqual([[1], [2, 3, 4]]);
    await Promise.all(answers);
  });

  it('puts items of like length together, the oldest always among them', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 60, costOf: (item) => item, maximumQueue: 10 });
    const first = batcher.submit(1);
    await pause();
    const others = [20, 3, 19, 4, 100, 18].map((item) => batcher.submit(item));
    for (let round = 0; round < 5; round++) await release();
    expect(batches).toEqual([[1], [20, 19, 18], [3, 4], [100]]);
    await Promise.all([first, ...others]);
  });

  it('leaves an item to a run of its own where padding would cost more than that', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 600, costOf: (item) => item, overhead: 9, maximumQueue: 10 });
    const first = batcher.submit(1);
    await pause();
    // Beside 24, 20 wastes 4 places and 16 wastes 8; 11 would waste 13, and 29 would make the three waste 5 each.
    const others = [20, 24, 29, 11, 16, 200].map((item) => batcher.submit(item));
    for (let round = 0; round < 5; round++) await release();
    expect(batches).toEqual([[1], [20, 24, 16], [29], [11], [200]]);
    await Promise.all([first, ...others]);
  });

  it('waits for company where it is told to, but not once a batch is full', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 3, maximumQueue: 10, maximumWait: 40 });
    const pair = [1, 2].map((item) => batcher.submit(item));
    await pause(5);
    expect(batches).toEqual([]);
    await pause(60);
    expect(batches).toEqual([[1, 2]]);
    await release();
    const full = [3, 4, 5].map((item) => batcher.submit(item));
    await pause(5);
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    await release();
    await Promise.all([...pair, ...full]);
  });

  it('refuses more than its queue holds, with a time to try again', async () => {
    const { run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 1, maximumQueue: 2 });
    const first = batcher.submit(1);
    await pause();
    const accepted = [first, ...[2, 3].map((item) => batcher.submit(item))];
    await expect(batcher.submit(4)).rejects.toMatchObject({
      code: 'overloaded',
      retryAfter: expect.any(Number),
    });
    for (let round = 0; round < 3; round++) await release();
    expect((await Promise.all(accepted)).map(({ result }) => result)).toEqual([10, 20, 30]);
  });

  it('lets an item wait that may, where it would refuse others, and keeps their room for them', async () => {
    const { run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 1, maximumQueue: 2 });
    const first = batcher.submit(1);
    await pause();
    const patient = [2, 3, 4].map((item) => batcher.submit(item, { mayWait: true }));
    const others = [5, 6].map((item) => batcher.submit(item));
    await expect(batcher.submit(7)).rejects.toMatchObject({ code: 'overloaded' });
    patient.push(batcher.submit(8, { mayWait: true }));
    for (let round = 0; round < 7; round++) await release();
    const answers = await Promise.all([first, ...patient, ...others]);
    expect(answers.map(({ result }) => result)).toEqual([10, 20, 30, 40, 80, 50, 60]);
  });

  it('runs what is of the background where nothing else waits, alone and one at a time', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 8, maximumQueue: 1 });
    const answers = [1, 2, 3].map((item) => batcher.submit(item, { background: true }));
    await pause();
    expect(batches).toEqual([[1]]);
    answers.push(batcher.submit(4));
    expect(batcher.waiting).toBe(3);
    for (let round = 0; round < 4; round++) await release();
    expect(batches).toEqual([[1], [4], [2], [3]]);
    expect((await Promise.all(answers)).map(({ result }) => result)).toEqual([10, 20, 30, 40]);
  });

  it('lets nothing of the background run beside another, though a runner is free for it', async () => {
    const running: number[][] = [];
    const ends: (() => void)[] = [];
    const batcher = new Batcher<number, number>({
      run: async (take) => {
        const batch = take();
        if (batch.length > 0) running.push([...batch]);
        if (batch.length > 0) await new Promise<void>((resolve) => ends.push(resolve));
        return batch;
      },
      ...{ budget: 8, maximumQueue: 1 },
    });
    const background = [1, 2].map((item) => batcher.submit(item, { background: true }));
    const other = batcher.submit(3);
    await pause();
    expect(running).toEqual([[1], [3]]);
    for (let round = 0; round < 3; round++) {
      ends.shift()?.();
      await pause();
    }
    expect(running).toEqual([[1], [3], [2]]);
    await Promise.all([...background, other]);
  });

  it('takes what is of the background like everything else once it has waited for a second', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 2, maximumQueue: 10 });
    const answers = [batcher.submit(1), batcher.submit(2, { background: true })];
    await pause(1050);
    answers.push(batcher.submit(3), batcher.submit(4), batcher.submit(5));
    for (let round = 0; round < 3; round++) await release();
    expect(batches.flat().indexOf(2)).toBeLessThan(batches.flat().indexOf(5));
    await Promise.all(answers);
  });

  it('drops what is of the background as well where its caller has left', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 8, maximumQueue: 10 });
    const caller = new AbortController();
    const first = batcher.submit(1);
    const left = batcher.submit(2, { background: true, signal: caller.signal });
    caller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    for (let round = 0; round < 2; round++) await release();
    expect(batches.flat()).toEqual([1]);
    await first;
  });

  it('drops an item whose caller has left, and only that one', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 4, maximumQueue: 10 });
    const caller = new AbortController();
    const first = batcher.submit(1);
    await pause();
    const left = batcher.submit(2, { signal: caller.signal });
    const stays = batcher.submit(3);
    caller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    for (let round = 0; round < 2; round++) await release();
    expect(batches).toEqual([[1], [3]]);
    expect([(await first).result, (await stays).result]).toEqual([10, 30]);
  });

  it('lets go of an item that is done, however long its signal lives', async () => {
    const { run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 4, maximumQueue: 10 });
    const { signal } = new AbortController();
    const done = batcher.submit(1, { signal });
    await pause();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await release();
    await done;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('goes on after every caller of a batch has left', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, budget: 4, maximumQueue: 10 });
    const first = batcher.submit(1);
    await pause();
    const left = batcher.submit(2, { signal: AbortSignal.timeout(1) });
    await expect(left).rejects.toThrow();
    for (let round = 0; round < 2; round++) await release();
    expect(batches).toEqual([[1], []]);
    const later = batcher.submit(3);
    await release();
    expect([(await first).result, (await later).result]).toEqual([10, 30]);
  });

  it('fails a batch’s items together and goes on with the next', async () => {
    const batcher = new Batcher<number, number>({
      run: async (take) => {
        await pause();
        const batch = take();
        if (batch.includes(13)) throw new Error('unlucky');
        return [...batch];
      },
      budget: 1,
      maximumQueue: 10,
    });
    const answers = await Promise.allSettled([12, 13, 14].map((item) => batcher.submit(item)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('gives results that are undefined, and fails a batch that lacks one', async () => {
    const batcher = new Batcher<number, undefined>({
      run: async (take) => take().flatMap((item) => (item === 13 ? [] : [undefined])),
      budget: 1,
      maximumQueue: 10,
    });
    expect(await batcher.submit(12)).toMatchObject({ result: undefined });
    await expect(batcher.submit(13)).rejects.toThrow('a batch of 1 has 0 results');
  });
});
