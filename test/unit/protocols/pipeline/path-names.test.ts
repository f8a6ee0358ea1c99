import { expect, it } from 'vitest';
import { createApp } from '../../../../src/protocols/app.ts';
import { addRoutes, type Route } from '../../../../src/protocols/http/route.ts';
import { fetch, problemOf, serve, services } from '../double.ts';

/** What no name, version, alias or id may be. */
const wrong = [
  'pets@production',
  '%00',
  'pets%2F..%2Fcats',
  '%2e%2e%2fpets',
  'p ets',
  'a'.repeat(200),
  '%1B',
];

/** A service that counts what reaches it, whatever is called. */
function counted() {
  let calls = 0;
  const count = <Group extends object>(group: Group): Group =>
    new Proxy(group, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (typeof value === 'object' && value !== null) return count(value);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          calls++;
          return Reflect.apply(value, target, given);
        };
      },
    });
  return { services: count(services()), calls: () => calls };
}

it('checks every name in every path before any handler is called', async () => {
  const { services, calls } = counted();
  const { address } = await serve(services);
  const { paths } = await (await fetch(`${address}/openapi.json`)).json();
  const named = Object.keys(paths).filter((path) => path.includes('{') && !path.startsWith('/problems'));
  expect(named.length).toBeGreaterThan(15);
  for (const path of named)
    for (const method of Object.keys(paths[path]))
      for (const parameter of path.matchAll(/\{(\w+)\}/g))
        for (const name of wrong) {
          const filled = path.replace(parameter[0], name).replaceAll(/\{(\w+)\}/g, '1');
          const problem = await problemOf(
            await fetch(address + filled, {
              method: method.toUpperCase(),
              ...(['post', 'put'].includes(method) && {
                body: '{}',
                headers: { 'Content-Type': 'application/json' },
              }),
            }),
          );
          expect([filled, problem.status, problem.code]).toEqual([filled, 400, 'invalid-request']);
          expect(problem.detail).toContain(`${parameter[1]}: `);
        }
  expect(calls()).toBe(0);
});

it.each(['0', '-1', '01', '1.0', '1e3', '0x1', '2147483648', '99999999999999', 'latest', 'production'])(
  'takes %s for no number of a version',
  async (version) => {
    const { address } = await serve(services());
    const refused = await fetch(`${address}/v1/heads/pets/versions/${version}`, { method: 'DELETE' });
    expect(await problemOf(refused)).toMatchObject({ status: 400, code: 'invalid-request' });
  },
);

it('takes numbers, aliases and latest for versions of models', async () => {
  const { address } = await serve(services());
  for (const version of ['3', 'production', 'latest'])
    expect((await fetch(`${address}/v2/models/emoji/versions/${version}`)).status).toBe(200);
});

it('starts with no route that has a name in its path without a schema', () => {
  const route: Route = {
    method: 'get',
    path: '/x/{id}',
    operation: { operationId: 'x', responses: {} },
    handlers: [],
  };
  expect(() => addRoutes(createApp(services(), {} as never), [route], () => [])).toThrow(
    '/x/{id} has a parameter without a schema',
  );
});
