import { expect, it } from 'vitest';
import type { Access } from '../../../../src/protocols/pipeline/access.ts';
import { fetch, serve, services } from '../double.ts';

const shop = 'https://shop.example';
const access: Access = async (secret) => (secret === 'right' ? 'admin' : 'open');
const body = JSON.stringify({ head: 'emoji', inputs: [{ text: 'a' }] });

async function ask(address: string, origin: string, headers: Record<string, string> = {}) {
  const all = { 'Content-Type': 'application/json', Origin: origin, ...headers };
  const { status, headers: answered } = await fetch(`${address}/v1/predict`, {
    method: 'POST',
    body,
    headers: all,
  });
  return { status, allowed: answered.get('Access-Control-Allow-Origin') };
}

async function askFirst(address: string, origin: string) {
  const headers = {
    Origin: origin,
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
  };
  const { status, headers: answered } = await fetch(`${address}/v1/predict`, { method: 'OPTIONS', headers });
  const allowed = (name: string) => answered.get(`Access-Control-Allow-${name}`);
  return { status, origin: allowed('Origin'), headers: allowed('Headers'), methods: allowed('Methods') };
}

it('lets pages of the sites that are named ask, with and without a key, and no others', async () => {
  const { address } = await serve(services(), { access, corsOrigins: [shop] });
  expect(await askFirst(address, shop)).toEqual({
    status: 204,
    origin: shop,
    headers: 'authorization,content-type,idempotency-key',
    methods: 'GET,HEAD,POST,PUT,DELETE',
  });
  expect(await ask(address, shop)).toEqual({ status: 200, allowed: shop });
  expect((await askFirst(address, 'https://elsewhere.example')).origin).toBeNull();
  expect(await ask(address, 'https://elsewhere.example')).toEqual({ status: 403, allowed: null });
});

it('lets pages of all sites ask, but with a key alone', async () => {
  const { address } = await serve(services(), { access, corsOrigins: ['*'] });
  expect(await ask(address, shop, { Authorization: 'Bearer right' })).toEqual({ status: 200, allowed: '*' });
  expect(await ask(address, shop)).toEqual({ status: 403, allowed: '*' });
});

it('answers no preflight where no site is named', async () => {
  const { address } = await serve(services(), { access });
  expect(await askFirst(address, shop)).toMatchObject({ status: 405, origin: null });
});
