import { expect, it } from 'vitest';
import { ApiKeys } from '../../../src/store/keys.ts';
import { Sessions, sessionTime } from '../../../src/store/sessions.ts';
import { temporaryStore } from './test-store.ts';

async function open() {
  const { database } = await temporaryStore();
  const clock = { now: Date.parse('2026-01-31T12:00:00Z') };
  return { database, clock, keys: new ApiKeys(database), sessions: new Sessions(database, () => clock.now) };
}

async function begin(sessions: Sessions, secret: string): Promise<string> {
  const begun = await sessions.begin(secret);
  if (!begun) throw new Error('no session was begun');
  return begun.token;
}

it('begins a session with a key, and with nothing else', async () => {
  const { sessions, keys } = await open();
  const { secret } = await keys.create('shop', 'train');
  const token = await begin(sessions, secret);
  expect(await sessions.find(token)).toMatchObject({ scope: 'train', key: 'shop' });
  expect(await sessions.begin(`${secret}x`)).toBeUndefined();
  // The token of a session is no key.
  expect(await sessions.begin(token)).toBeUndefined();
  for (const wrong of [secret, `${token}x`, '']) expect(await sessions.find(wrong)).toBeUndefined();
});

it('ends a session when it expires, is signed out, or its key is revoked', async () => {
  const { sessions, keys, clock } = await open();
  const { secret, id } = await keys.create('shop', 'train');
  const expired = await begin(sessions, secret);
  clock.now += sessionTime - 1;
  expect(await sessions.find(expired)).toBeDefined();
  const [signedOut, revoked] = [await begin(sessions, secret), await begin(sessions, secret)];
  clock.now += 1;
  expect(await sessions.find(expired)).toBeUndefined();
  await sessions.end(signedOut);
  expect(await sessions.find(signedOut)).toBeUndefined();
  expect(await sessions.find(revoked)).toBeDefined();
  await keys.revoke(id);
  expect(await sessions.find(revoked)).toBeUndefined();
  expect(await sessions.begin(secret)).toBeUndefined();
});

it('keeps twenty sessions of a key, the newest, and those of other keys', async () => {
  const { sessions, keys, clock, database } = await open();
  const [shop, other] = [await keys.create('shop', 'predict'), await keys.create('other', 'admin')];
  const others = await begin(sessions, other.secret);
  const first = await begin(sessions, shop.secret);
  let last = first;
  for (let count = 0; count < 20; count++) {
    clock.now += 1;
    last = await begin(sessions, shop.secret);
  }
  expect(await sessions.find(first)).toBeUndefined();
  expect(await sessions.find(last)).toBeDefined();
  expect(await sessions.find(others)).toMatchObject({ scope: 'admin' });
  expect(await database.query.selectFrom('session').select('hash').execute()).toHaveLength(21);
});

it('keeps no token, and no session longer than it counts', async () => {
  const { sessions, keys, clock, database } = await open();
  const { secret } = await keys.create('shop', 'train');
  const token = await begin(sessions, secret);
  const kept = await database.query.selectFrom('session').selectAll().execute();
  expect(JSON.stringify(kept)).not.toContain(token);
  clock.now += sessionTime;
  await begin(sessions, secret);
  expect(await database.query.selectFrom('session').select('hash').execute()).toHaveLength(1);
});
