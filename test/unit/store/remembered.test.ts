import { afterEach, expect, it, vi } from 'vitest';
import { Remembered } from '../../../src/store/database/remembered.ts';
import { temporaryStore } from './test-store.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Something that is read of a database, which may keep its readers waiting. */
async function slowReading() {
  const { database } = await temporaryStore();
  const gate = { opened: Promise.withResolvers<void>(), reads: 0, value: 1 };
  gate.opened.resolve();
  const remembered = new Remembered(database, async () => {
    gate.reads++;
    await gate.opened.promise;
    return { value: gate.value };
  });
  return {
    gate,
    remembered,
    /** Lets everything count as changed. */
    change: () =>
      database.exclusively('keys', (transaction) =>
        transaction
          .insertInto('apiKey')
          .values({
            id: crypto.randomUUID(),
            name: 'a',
            scope: 'predict',
            createdAt: '',
            hash: crypto.randomUUID(),
            revokedAt: null,
          })
          .execute(),
      ),
  };
}

it('answers with what was read last where the database does not answer within a second', async () => {
  const { gate, remembered, change } = await slowReading();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  expect(await remembered.get('a')).toEqual({ value: 1 });
  await change();
  gate.opened = Promise.withResolvers();
  gate.value = 2;
  const asked = remembered.get('a');
  await vi.advanceTimersByTimeAsync(999);
  expect(await Promise.race([asked, 'waits'])).toBe('waits');
  await vi.advanceTimersByTimeAsync(1);
  expect(await asked).toEqual({ value: 1 });
  // Nobody waits again, and no further reading begins: the clock stands.
  for (let again = 0; again < 20; again++) expect(await remembered.get('a')).toEqual({ value: 1 });
  expect(gate.reads).toBe(2);
  gate.opened.resolve();
  await gate.opened.promise;
  await vi.advanceTimersByTimeAsync(0);
  expect(await remembered.get('a')).toEqual({ value: 2 });
});

it('says that the database does not answer where nothing is known yet', async () => {
  const { gate, remembered } = await slowReading();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  gate.opened = Promise.withResolvers();
  const asked = remembered.get('a').catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(5000);
  expect(await asked).toMatchObject({
    code: 'storage-unavailable',
    message: expect.stringContaining('the database does not answer'),
  });
  gate.opened.resolve();
});

it('reads once for all who ask at the same time', async () => {
  const { gate, remembered } = await slowReading();
  gate.opened = Promise.withResolvers();
  const asked = [1, 2, 3].map(() => remembered.get('a'));
  gate.opened.resolve();
  expect(await Promise.all(asked)).toEqual([{ value: 1 }, { value: 1 }, { value: 1 }]);
  expect(gate.reads).toBe(1);
});
