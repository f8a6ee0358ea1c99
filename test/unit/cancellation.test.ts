import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { throwIfCancelled, unlessAborted, withTimeLimit } from '../../src/cancellation.ts';

const never = new Promise<never>(() => {});
const late = () => new Error('too late');
const anHour = 3_600_000;

describe('work with a time limit', () => {
  it('gives its result, and leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    expect(await withTimeLimit({ milliseconds: anHour, late }, async () => 7)).toBe(7);
    expect(timers()).toBe(before);
  });

  it('fails when the time is up, even where it ignores its signal', async () => {
    let seen: AbortSignal | undefined;
    const work = withTimeLimit({ milliseconds: 20, late }, (signal) => {
      seen = signal;
      return never;
    });
    await expect(work).rejects.toThrow('too late');
    expect(seen?.reason).toEqual(late());
  });

  it('fails with the reason of the caller, as soon as the caller leaves', async () => {
    const caller = new AbortController();
    const work = withTimeLimit({ milliseconds: anHour, late, signal: caller.signal }, () => never);
    caller.abort(new Error('the caller has left'));
    await expect(work).rejects.toThrow('the caller has left');
  });

  it('does not begin where the caller has left already', async () => {
    let isBegun = false;
    const work = withTimeLimit(
      { milliseconds: anHour, late, signal: AbortSignal.abort(new Error('gone')) },
      async () => {
        isBegun = true;
      },
    );
    await expect(work).rejects.toThrow('gone');
    expect(isBegun).toBe(false);
  });

  it('tells the other parts of the work when one part fails', async () => {
    let seen: AbortSignal | undefined;
    const work = withTimeLimit({ milliseconds: anHour, late }, async (signal) => {
      seen = signal;
      throw new Error('broken');
    });
    await expect(work).rejects.toThrow('broken');
    expect(seen?.aborted).toBe(true);
  });

  it('does not make the error of the time limit where the work is done in time', async () => {
    let made = 0;
    const count = () => {
      made++;
      return late();
    };
    await withTimeLimit({ milliseconds: 20, late: count }, async () => {});
    await pause(60);
    expect(made).toBe(0);
  });
});

describe('waiting unless a signal aborts', () => {
  it('gives the result, or what the work throws', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(signal, Promise.resolve(7))).toBe(7);
    await expect(unlessAborted(signal, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('ends with the reason of the signal, and ignores how the work ends after that', async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    const controller = new AbortController();
    const waiting = unlessAborted(controller.signal, promise);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(unlessAborted(controller.signal, promise)).rejects.toThrow('enough');
    // Vitest fails the run where a rejection is not handled.
    reject(new Error('nobody listens'));
    await pause(10);
  });
});

it('says where a job was when it was cancelled', () => {
  expect(() => throwIfCancelled(AbortSignal.abort(), 'while encoding images')).toThrow(
    'stopped while encoding images',
  );
  throwIfCancelled(new AbortController().signal, 'while encoding images');
  throwIfCancelled(undefined, 'while encoding images');
});
