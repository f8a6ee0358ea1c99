import { expect, it, onTestFinished, vi } from 'vitest';
import { TimeSlice } from '../../src/time-slice.ts';

/** Keeps the main thread for so many milliseconds. */
function compute(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

it('takes one slice of a turn, however many work at a time', async () => {
  const [workers, pieces] = [40, 20];
  let [inTurn, most, done] = [0, 0, 0];
  const look = () => {
    most = Math.max(most, inTurn);
    inTurn = 0;
    if (done < workers * pieces) setImmediate(look);
  };
  setImmediate(look);
  const work = async () => {
    const turns = new TimeSlice();
    for (let piece = 0; piece < pieces; piece++) {
      compute(1);
      inTurn++;
      done++;
      await turns.share();
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  // Each of them begins in the first turn; they took a slice of 10 pieces each.
  expect(most).toBeLessThan(workers + 20);
});

it('lets short work end within its turn', async () => {
  await new Promise((resolve) => setImmediate(resolve));
  // No time passes, however busy the machine is.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  onTestFinished(() => clock.mockRestore());
  const turns = new TimeSlice();
  let isLater = false;
  setImmediate(() => {
    isLater = true;
  });
  for (let piece = 0; piece < 100; piece++) await turns.share();
  expect(isLater).toBe(false);
});
