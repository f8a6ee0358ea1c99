import { describe, expect, it } from 'vitest';
import { Batcher } from '../../src/inference/batcher.ts';

/** A runner that is busy until it is released, and remembers its batches. */
function gatedRunner() {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  const run = async (batch: readonly number[]) => {
    batches.push([...batch]);
    await new Promise<void>((resolve) => gates.push(resolve));
    return batch.map((item) => item * 10);
  };
  const release = async () => {
    while (gates.length > 0) gates.shift()!();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { batches, run, release };
}

describe('a batcher', () => {
  it('runs a lone item at once and batches whatever waited meanwhile', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, maximumBatch: 3, maximumQueue: 10 });
    const answers = [1, 2, 3, 4, 5].map((item) => batcher.submit(item));
    expect(batches).toEqual([[1]]);
    for (let round = 0; round < 3; round++) await release();
    expect(batches).toEqual([[1], [2, 3, 4], [5]]);
    expect((await Promise.all(answers)).map(({ result }) => result)).toEqual([10, 20, 30, 40, 50]);
  });

  it('refuses more than its queue holds, with a time to try again', async () => {
    const { run, release } = gatedRunner();
    const batcher = new Batcher({ run, maximumBatch: 1, maximumQueue: 2 });
    const accepted = [1, 2, 3].map((item) => batcher.submit(item));
    await expect(batcher.submit(4)).rejects.toMatchObject({
      code: 'overloaded',
      retryAfter: expect.any(Number),
    });
    for (let round = 0; round < 3; round++) await release();
    expect((await Promise.all(accepted)).map(({ result }) => result)).toEqual([10, 20, 30]);
  });

  it('drops an item whose caller has left, and only that one', async () => {
    const { batches, run, release } = gatedRunner();
    const batcher = new Batcher({ run, maximumBatch: 4, maximumQueue: 10 });
    const caller = new AbortController();
    const first = batcher.submit(1);
    const left = batcher.submit(2, caller.signal);
    const stays = batcher.submit(3);
    caller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    for (let round = 0; round < 2; round++) await release();
    expect(batches).toEqual([[1], [3]]);
    expect([(await first).result, (await stays).result]).toEqual([10, 30]);
  });

  it('fails a batch’s items together and goes on with the next', async () => {
    const batcher = new Batcher<number, number>({
      run: async (batch) => {
        if (batch.includes(13)) throw new Error('unlucky');
        return [...batch];
      },
      maximumBatch: 1,
      maximumQueue: 10,
    });
    const results = await Promise.allSettled([12, 13, 14].map((item) => batcher.submit(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});
