import { expect, it } from 'vitest';
import { ByteBudget } from '../../../../src/modalities/image/byte-budget.ts';

const isSettled = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(resolve, 5, false))]);

it('lends what is free, in order, and lets nobody pass who waits', async () => {
  const budget = new ByteBudget(100);
  const release = budget.takeNow(60)!;
  const heavy = budget.take(100);
  expect(budget.takeNow(10)).toBeUndefined();
  const light = budget.take(10);
  expect(await isSettled(light)).toBe(false);
  release();
  (await heavy)();
  (await light)();
  expect(budget.takeNow(100)).toBeDefined();
});

it('lets what weighs more than everything run alone', async () => {
  const budget = new ByteBudget(100);
  const release = budget.takeNow(500)!;
  const next = budget.take(1);
  expect(await isSettled(next)).toBe(false);
  release();
  expect(await isSettled(next)).toBe(true);
});

it('forgets who leaves, and serves who waited behind', async () => {
  const budget = new ByteBudget(100);
  budget.takeNow(60);
  const caller = new AbortController();
  const heavy = budget.take(100, caller.signal);
  const light = budget.take(40);
  caller.abort(new Error('the caller left'));
  await expect(heavy).rejects.toThrow('the caller left');
  expect(await isSettled(light)).toBe(true);
});
