import { expect, it } from 'vitest';
import { Calls } from '../../../src/app/calls.ts';

it('waits for calls in flight, however they end, and refuses those that come later', async () => {
  const calls = new Calls();
  const answered = Promise.withResolvers<string>();
  const failed = Promise.withResolvers<never>();
  const methods = calls.counted({
    find: (name: string) => answered.promise.then((found) => found + name),
    fail: () => failed.promise,
  });
  const inFlight = [methods.find('cat'), methods.fail()];
  calls.close();
  let isOver = false;
  const ended = calls.ended().then(() => {
    isOver = true;
  });
  await expect(methods.find('dog')).rejects.toMatchObject({ code: 'closed' });
  answered.resolve('a ');
  expect(await inFlight[0]).toBe('a cat');
  expect(isOver).toBe(false);
  failed.reject(new Error('no such thing'));
  await expect(inFlight[1]).rejects.toThrow('no such thing');
  await ended;
});
