import { expect, it } from 'vitest';
import { IdempotentRequests } from '../../../src/store/idempotent-requests.ts';
import { temporaryStore } from './test-store.ts';

const minute = 60_000;

async function open() {
  const { database } = await temporaryStore();
  const clock = { now: Date.parse('2026-01-31T12:00:00Z') };
  return { database, clock, requests: new IdempotentRequests(database, () => clock.now) };
}

it('keeps an answer for a day', async () => {
  const { clock, requests } = await open();
  const begun = await requests.begin('me', 'key', 'print');
  if ('answer' in begun) throw new Error('there is an answer already');
  const answer = { status: 202, location: '/v1/jobs/a', body: { id: 'a' } };
  await begun.finish(answer);
  clock.now += 23 * 60 * minute;
  expect(await requests.begin('me', 'key', 'print')).toEqual({ answer });
  clock.now += 2 * 60 * minute;
  expect(await requests.begin('me', 'key', 'other')).not.toHaveProperty('answer');
});

it('takes a request for given up whose server says nothing for a minute', async () => {
  const { clock, requests } = await open();
  const begun = await requests.begin('me', 'key', 'print');
  if ('answer' in begun) throw new Error('there is an answer already');
  clock.now += 0.9 * minute;
  await begun.renew();
  clock.now += 0.9 * minute;
  await expect(requests.begin('me', 'key', 'print')).rejects.toMatchObject({
    code: 'idempotency-in-progress',
  });
  clock.now += 0.2 * minute;
  expect(await requests.begin('me', 'key', 'print')).not.toHaveProperty('answer');
});

it('keeps ten thousand at most, and lets the one go whose time is up first', async () => {
  const { database, clock, requests } = await open();
  const expiresAt = (number: number) => new Date(clock.now + 1000 + number).toISOString();
  for (let from = 0; from < 10_000; from += 1000)
    await database.query
      .insertInto('idempotentRequest')
      .values(
        Array.from({ length: 1000 }, (_, index) => ({
          key: String(from + index),
          fingerprint: '',
          expiresAt: expiresAt(from + index),
          answer: '{}',
        })),
      )
      .execute();
  await requests.begin('me', 'key', 'print');
  const { query } = database;
  const rows = await query.selectFrom('idempotentRequest').select('key').orderBy('expiresAt').execute();
  expect(rows).toHaveLength(10_000);
  expect(rows[0]?.key).toBe('1');
});
