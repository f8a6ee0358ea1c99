import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { accessTo } from '../../../../src/app/access.ts';
import { apiRoutes } from '../../../../src/protocols/app.ts';
import { ApiKeys, scopes } from '../../../../src/store/keys.ts';
import { temporaryStore } from '../../store/test-store.ts';
import { fetch, problemOf, serve, services } from '../double.ts';

/** Keys, and the same as another process sees them. */
async function someKeys() {
  const data = await mkdtemp(path.join(tmpdir(), 'keys-'));
  onTestFinished(() => rm(data, { recursive: true }));
  const [store, other] = [await temporaryStore(data), await temporaryStore(data)];
  return { store, keys: new ApiKeys(store.database), others: new ApiKeys(other.database) };
}

const local = { anonymous: 'loopback', host: '127.0.0.1', data: 'data' } as const;
const bearer = (secret: string) => ({ headers: { Authorization: `Bearer ${secret}` } });

/** What each operation asks for; a new one must be added here, so that nobody forgets to think of it. */
const expected: Record<string, 'predict' | 'train' | 'admin' | undefined> = {
  'post /v1/predict': 'predict',
  'post /v1/embeddings': 'predict',
  'get /v1/models': 'predict',
  'get /v2': 'predict',
  'get /v2/models/{model}': 'predict',
  'get /v2/models/{model}/ready': 'predict',
  'post /v2/models/{model}/infer': 'predict',
  'get /v2/models/{model}/versions/{version}': 'predict',
  'get /v2/models/{model}/versions/{version}/ready': 'predict',
  'post /v2/models/{model}/versions/{version}/infer': 'predict',
  'get /v2/health/live': undefined,
  'get /v2/health/ready': undefined,
  'get /v1/heads': 'predict',
  'get /v1/heads/{name}': 'predict',
  'get /v1/encoders': 'admin',
  'post /v1/encoders': 'admin',
  'get /v1/encoders/{id}': 'admin',
  'post /v1/encoders/{id}/check': 'admin',
  'delete /v1/encoders/{id}': 'admin',
  'post /v1/heads': 'admin',
  'get /v1/heads/{name}/versions/{version}/export': 'train',
  'put /v1/heads/{name}/aliases/{alias}': 'admin',
  'post /v1/heads/{name}/aliases/{alias}/rollback': 'admin',
  'delete /v1/heads/{name}/aliases/{alias}': 'admin',
  'delete /v1/heads/{name}/versions/{version}': 'admin',
  'put /v1/heads/{name}/versions/{version}/acceptance': 'admin',
  'get /': undefined,
  'get /v1/session': undefined,
  'post /v1/session': undefined,
  'delete /v1/session': undefined,
  'get /healthz': undefined,
  'get /readyz': undefined,
  'get /openapi.json': undefined,
  'get /problems/{code}': undefined,
};

it('refuse a name that says nothing, and one that another key has', async () => {
  const { keys } = await someKeys();
  const { id } = await keys.create('shop', 'predict');
  await expect(keys.create(' ', 'predict')).rejects.toMatchObject({ code: 'invalid-configuration' });
  for (const name of ['shop\u001b[2J', 'shop\nroot', 'shop\u0000', '\u202eshop', 'a'.repeat(101)])
    await expect(keys.create(name, 'predict')).rejects.toThrow('is no name for a key');
  await expect(keys.create('shop', 'admin')).rejects.toThrow('a key is named "shop" already');
  await keys.revoke(id);
  expect(await keys.create('shop', 'admin')).toMatchObject({ name: 'shop', scope: 'admin' });
});

it('asks for the scope of each operation, and lets larger scopes in', async () => {
  const secrets = scopes.map((scope) => [scope, `secret-of-${scope}`] as const);
  const granted = new Map<string, (typeof scopes)[number]>(secrets.map(([scope, secret]) => [secret, scope]));
  const { address, uploads } = await serve(services(), {
    access: async (secret) => granted.get(secret ?? ''),
  });
  const options = {
    logger: pino({ level: 'silent' }),
    defaultHead: 'emoji',
    uploadFolder: uploads,
    requestTimeout: 1000,
    maximumRequestBytes: 1000,
    maximumUploadBytes: 1000,
  };
  for (const { method, path: template } of apiRoutes(services(), options)) {
    const operation = `${method} ${template}`;
    const scope = operation in expected ? expected[operation] : 'train';
    const target = address + template.replaceAll(/\{\w+\}/g, 'x');
    const ask = async (init: RequestInit) => {
      const response = await fetch(target, { ...init, method });
      await response.body?.cancel();
      return response.status;
    };
    expect([operation, (await ask({})) === 401]).toEqual([operation, scope !== undefined]);
    for (const [index, [name, secret]] of secrets.entries()) {
      const enough = scope === undefined || index >= scopes.indexOf(scope);
      expect([operation, name, (await ask(bearer(secret))) !== 403]).toEqual([operation, name, enough]);
    }
  }
});

it('refuses a key that is unknown, and one from the moment that it is revoked', async () => {
  const { keys, others } = await someKeys();
  const { id, secret } = await keys.create('shop', 'predict');
  const { address } = await serve(services(), { access: await accessTo(local, others) });
  expect((await fetch(`${address}/v1/heads`, bearer(secret))).status).toBe(200);
  const unknown = await fetch(`${address}/v1/heads`, bearer(`${secret}x`));
  expect(unknown.headers.get('WWW-Authenticate')).toBe('Bearer');
  expect(await problemOf(unknown)).toMatchObject({ status: 401, code: 'unauthorized' });
  await keys.revoke(id);
  // Another process may take half a second to see it, on Postgres.
  await expect.poll(() => others.any()).toBe(false);
  // It was the only one: that lets nobody else in either.
  expect((await fetch(`${address}/v1/heads`)).status).toBe(401);
  expect((await fetch(`${address}/v1/heads`, bearer(secret))).status).toBe(401);
});

it('describes a key as the only way in from the moment that there is one', async () => {
  const { keys } = await someKeys();
  const { address } = await serve(services(), { access: await accessTo(local, keys) });
  const described = async () =>
    (await (await fetch(`${address}/openapi.json`)).json()).paths['/v1/predict'].post.security;
  expect(await described()).toEqual([{ key: ['predict'] }, {}]);
  await keys.create('shop', 'predict');
  expect(await described()).toEqual([{ key: ['predict'] }]);
});

it('keeps no secret, only what it can be compared with', async () => {
  const { store, keys } = await someKeys();
  const { secret, id } = await keys.create('shop', 'train');
  const kept = await store.database.query.selectFrom('apiKey').selectAll().execute();
  expect(JSON.stringify(kept)).not.toContain(secret.slice(10));
  expect(await keys.list()).toEqual([{ id, name: 'shop', scope: 'train', createdAt: expect.any(String) }]);
});

it('listens beyond loopback only with a key or where everyone is let in, and says how', async () => {
  const { keys } = await someKeys();
  for (const host of ['0.0.0.0', '::', '192.0.2.1', '::ffff:192.0.2.1'])
    await expect(accessTo({ anonymous: 'loopback', host, data: 'data' }, keys)).rejects.toThrow(
      /keys create.*--anonymous everyone/,
    );
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    expect(await (await accessTo({ anonymous: 'loopback', host, data: 'data' }, keys))(undefined)).toBe(
      'open',
    );
  expect(
    await (await accessTo({ anonymous: 'everyone', host: '0.0.0.0', data: 'data' }, keys))(undefined),
  ).toBe('open');
  const { secret } = await keys.create('me', 'admin');
  const access = await accessTo({ anonymous: 'loopback', host: '0.0.0.0', data: 'data' }, keys);
  expect([await access(undefined), await access(secret)]).toEqual([undefined, 'admin']);
});
