import { expect, it } from 'vitest';
import { accessTo } from '../../../../src/app/access.ts';
import { RateLimit } from '../../../../src/protocols/pipeline/rate-limit.ts';
import { ApiKeys, type Scope } from '../../../../src/store/keys.ts';
import { Sessions } from '../../../../src/store/sessions.ts';
import { temporaryStore } from '../../store/test-store.ts';
import { fetch, problemOf, serve, services } from '../double.ts';

const local = { anonymous: 'loopback', host: '127.0.0.1', data: 'data' } as const;
const own = { 'Sec-Fetch-Site': 'same-origin' };

/** A server with a key of each scope that is asked for. */
async function withKeys<const Scopes extends readonly Scope[]>(scopes: Scopes, options: object = {}) {
  const { database } = await temporaryStore();
  const [keys, sessions] = [new ApiKeys(database), new Sessions(database)];
  const made = await Promise.all(scopes.map((scope) => keys.create(`of ${scope}`, scope)));
  const access = await accessTo(local, keys, sessions);
  const rateLimit = new RateLimit(3, access, async (token) => (await sessions.find(token))?.keyHash);
  const limited = 'limited' in options ? { rateLimit } : {};
  const running = await serve(services(), {
    access,
    sessions,
    ...limited,
    keyName: async (secret) => (await sessions.find(secret))?.key,
    ...options,
  });
  return { ...running, keys, made };
}

function signIn(address: string, key: string, headers: Record<string, string> = own) {
  return fetch(`${address}/v1/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ key }),
  });
}

/** The cookie of a browser that has signed in. */
async function cookieOf(address: string, key: string): Promise<string> {
  const [cookie = ''] = (await signIn(address, key)).headers.getSetCookie();
  return cookie.split(';')[0] ?? '';
}

const cancel = { method: 'DELETE', path: '/v1/jobs/a' };
const list = { method: 'GET', path: '/v1/jobs' };

async function statusOf(
  address: string,
  { method, path }: { method: string; path: string },
  headers: Record<string, string>,
): Promise<number> {
  const response = await fetch(`${address}${path}`, { method, headers });
  await response.body?.cancel();
  return response.status;
}

it('signs a browser in with a cookie that no script can read and no other site can use', async () => {
  const { address, made } = await withKeys(['train']);
  const response = await signIn(address, made[0].secret);
  expect(await response.json()).toEqual({
    needsKey: true,
    scope: 'train',
    key: 'of train',
    expiresAt: expect.any(String),
  });
  const [cookie = ''] = response.headers.getSetCookie();
  expect(cookie).toMatch(/; Path=\/;/);
  expect(cookie).toContain('HttpOnly');
  expect(cookie).toContain('SameSite=Strict');
  expect(cookie).not.toContain(made[0].secret);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  const wrong = await signIn(address, 'tandem_wrong');
  expect(wrong.headers.getSetCookie()).toEqual([]);
  expect(await problemOf(wrong)).toMatchObject({ status: 401, code: 'unauthorized' });
});

it('binds the cookie to the base path, and to TLS where the browser speaks it', async () => {
  const { address, made } = await withKeys(['train'], {
    basePath: '/tandem',
    trustedProxies: ['127.0.0.1'],
  });
  const response = await signIn(address, made[0].secret, { ...own, 'X-Forwarded-Proto': 'https' });
  expect(response.headers.getSetCookie()[0]).toMatch(/; Path=\/tandem;.*; Secure/);
});

it('lets the cookie stand for its key, with the scope of that key', async () => {
  const { address, made, logged } = await withKeys(['predict', 'train']);
  const [predict, train] = [await cookieOf(address, made[0].secret), await cookieOf(address, made[1].secret)];
  expect(await statusOf(address, list, { ...own, Cookie: train })).toBe(200);
  expect(await statusOf(address, list, { ...own, Cookie: `other=1; ${train}` })).toBe(200);
  expect(await statusOf(address, list, { ...own, Cookie: predict })).toBe(403);
  expect(await statusOf(address, list, own)).toBe(401);
  expect(await statusOf(address, cancel, { ...own, Cookie: train })).toBe(200);
  // A key that comes along counts instead.
  const both = { ...own, Cookie: train, Authorization: `Bearer ${made[0].secret}` };
  expect(await statusOf(address, list, both)).toBe(403);
  expect(logged()).toContain('"key":"of train"');
  expect(logged()).not.toContain(train.split('=')[1]);
});

it('opens events and reports to a browser that is signed in', async () => {
  const { address, made } = await withKeys(['train']);
  const headers = { ...own, Cookie: await cookieOf(address, made[0].secret) };
  const events = await fetch(`${address}/v1/jobs/a/events`, { headers });
  expect(await events.text()).toMatch(/event: ?state/);
  const report = await fetch(`${address}/v1/jobs/a/report`, { headers });
  expect(report.headers.get('Content-Security-Policy')).toMatch(/^sandbox;/);
  expect(report.headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
});

it('counts the cookie for nothing in what another site makes the browser send', async () => {
  const { address, made } = await withKeys(['admin'], { corsOrigins: ['https://shop.example', '*'] });
  const Cookie = await cookieOf(address, made[0].secret);
  const elsewhere: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
    // Another port of this host, to which browsers send the same cookies.
    { 'Sec-Fetch-Site': 'same-site', Origin: 'http://localhost:1' },
    { Origin: 'http://localhost:1' },
    { Origin: 'null' },
    // Its pages may ask with a key of their own.
    { Origin: 'https://shop.example', 'Sec-Fetch-Site': 'cross-site' },
  ];
  for (const headers of elsewhere)
    for (const request of [list, cancel])
      expect([
        headers,
        [401, 403].includes(await statusOf(address, request, { ...headers, Cookie })),
      ]).toEqual([headers, true]);
  // A browser always says where a request that changes something comes from.
  expect(await statusOf(address, cancel, { Cookie })).toBe(401);
  expect(await statusOf(address, cancel, { Cookie, 'Sec-Fetch-Site': 'none' })).toBe(401);
  // Older ones, of a page of this server, and a person who follows a link to a report.
  expect(await statusOf(address, cancel, { Cookie, Origin: address })).toBe(200);
  expect(await statusOf(address, list, { Cookie, 'Sec-Fetch-Site': 'none' })).toBe(200);
});

it('signs nobody in or out for another site', async () => {
  const { address, made } = await withKeys(['train']);
  const Cookie = await cookieOf(address, made[0].secret);
  const others: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'https://evil.example' },
  ];
  for (const headers of others) {
    const refused = await signIn(address, made[0].secret, headers);
    expect(refused.headers.getSetCookie()).toEqual([]);
    expect(await problemOf(refused)).toMatchObject({ status: 403, code: 'forbidden' });
    const session = { method: 'DELETE', path: '/v1/session' };
    expect(await statusOf(address, session, { ...headers, Cookie })).toBe(403);
  }
  expect(await statusOf(address, list, { ...own, Cookie })).toBe(200);
});

it('ends the session when it is signed out, and when its key is revoked', async () => {
  const { address, made, keys } = await withKeys(['train']);
  const [first, second] = [await cookieOf(address, made[0].secret), await cookieOf(address, made[0].secret)];
  const out = await fetch(`${address}/v1/session`, { method: 'DELETE', headers: { ...own, Cookie: first } });
  expect(out.status).toBe(204);
  expect(out.headers.getSetCookie()[0]).toMatch(/^tandem_session=;.*Expires=Thu, 01 Jan 1970/);
  expect(await statusOf(address, list, { ...own, Cookie: first })).toBe(401);
  expect(await statusOf(address, list, { ...own, Cookie: second })).toBe(200);
  await keys.revoke(made[0].id);
  await expect.poll(() => keys.any()).toBe(false);
  expect(await statusOf(address, list, { ...own, Cookie: second })).toBe(401);
});

it('says who is signed in, and that nobody needs to where there is no key', async () => {
  const { address, made } = await withKeys(['predict']);
  const session = async (headers: Record<string, string>) =>
    (await fetch(`${address}/v1/session`, { headers })).json();
  expect(await session(own)).toEqual({ needsKey: true });
  expect(await session({ ...own, Cookie: await cookieOf(address, made[0].secret) })).toMatchObject({
    needsKey: true,
    scope: 'predict',
    key: 'of predict',
  });
  const keyless = await serve(services());
  expect(await (await fetch(`${keyless.address}/v1/session`)).json()).toEqual({
    needsKey: false,
    scope: 'admin',
  });
});

it('counts the requests of a key and of its sessions together', async () => {
  const { address, made } = await withKeys(['predict'], { limited: true });
  const Cookie = await cookieOf(address, made[0].secret);
  const heads = { method: 'GET', path: '/v1/heads' };
  const key = { Authorization: `Bearer ${made[0].secret}` };
  for (const headers of [key, { ...own, Cookie }, key])
    expect(await statusOf(address, heads, headers)).toBe(200);
  expect(await statusOf(address, heads, { ...own, Cookie })).toBe(429);
});
