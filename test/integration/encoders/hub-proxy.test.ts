import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { fetchModel } from '../../../src/encoders/hub/fetch-model.ts';
import type { Hub } from '../../../src/encoders/hub/hub.ts';
import { openRemote } from '../../../src/remote/open-remote.ts';
import { ForwardProxy } from '../../forward-proxy.ts';
import { ModelHub } from '../../model-hub.ts';
import { tlsFront, trustedCertificate } from '../../tls-front.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const model = { owner: 'some-lab', name: 'tiny-bert' };
const weights = Buffer.alloc(5000, 'weights');
const options = { modality: 'text' } as const;
const variables = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];

let server: ModelHub;
let hub: Hub;
/** Finds the hub and its storage, over http and https, by names that lead nowhere else. */
let proxy: ForwardProxy;

beforeEach(async () => {
  await using started = new AsyncDisposableStack();
  const cache = await mkdtemp(path.join(tmpdir(), 'hub-proxy-'));
  started.defer(() => rm(cache, { recursive: true }));
  const files = {
    'config.json': '{"model_type": "bert"}',
    'tokenizer.json': '{}',
    'onnx/model.onnx': weights,
  };
  server = started.use(await ModelHub.start({ 'some-lab/tiny-bert': { commit, files } }));
  const certificate = started.use(await trustedCertificate(['hub.test', 'storage.test']));
  const [plainHub, plainStorage] = server.ports;
  const secureHub = started.use(await tlsFront(plainHub, certificate));
  const secureStorage = started.use(await tlsFront(plainStorage, certificate));
  proxy = started.use(
    await ForwardProxy.start({
      ...{ 'hub.test:80': plainHub, 'hub.test': plainHub, 'storage.test': plainStorage },
      ...{ 'hub.test:443': secureHub.port, 'storage.test:443': secureStorage.port },
    }),
  );
  server.storageAddress = 'https://storage.test';
  hub = {
    ...{ address: 'https://hub.test', token: 'hf_secret', isOffline: false, cache, otherCaches: [] },
    ...{ retryDelay: 1, patience: 300 },
  };
  for (const variable of variables) {
    vi.stubEnv(variable, '');
    vi.stubEnv(variable.toUpperCase(), '');
  }
  const all = started.move();
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await all.disposeAsync();
  });
});

const download = async () => {
  const folder = await fetchModel(hub, model, options);
  return readFile(path.join(folder, 'onnx', 'model.onnx'));
};

it('a model comes through the proxy that HTTPS_PROXY names, which alone finds the hub and its storage', async () => {
  vi.stubEnv('HTTPS_PROXY', proxy.address);
  expect(await download()).toEqual(weights);
  expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT hub.test:443', 'CONNECT storage.test:443']));
  const tokens = (at: string) => server.requests.filter((each) => each.at === at).map(({ token }) => token);
  expect(new Set(tokens('hub'))).toEqual(new Set(['Bearer hf_secret']));
  expect(new Set(tokens('storage'))).toEqual(new Set([undefined]));
});

it('a mirror that speaks http is asked for through the proxy of HTTP_PROXY', async () => {
  server.storageAddress = 'http://storage.test';
  hub.address = 'http://hub.test';
  vi.stubEnv('http_proxy', proxy.address);
  expect(await download()).toEqual(weights);
  expect(proxy.asked).toContain(`GET http://hub.test/some-lab/tiny-bert/resolve/${commit}/config.json`);
});

it('goes straight to what NO_PROXY names, and to this machine', async () => {
  vi.stubEnv('HTTPS_PROXY', proxy.address);
  vi.stubEnv('HTTP_PROXY', proxy.address);
  vi.stubEnv('NO_PROXY', 'storage.test,.hub.test,hub.test');
  await expect(download()).rejects.toThrow(/hub.test cannot be reached \(ENOTFOUND|EAI_AGAIN\)/);
  server.storageAddress = undefined;
  hub.address = server.address;
  expect(await download()).toEqual(weights);
  expect(proxy.asked).toEqual([]);
});

it('says what the proxy answered, without its password', async () => {
  proxy.credentials = 'me:secret';
  vi.stubEnv('HTTPS_PROXY', proxy.address.replace('//', '//me:wrong@'));
  await expect(download()).rejects.toMatchObject({
    code: 'model-download',
    message: expect.stringMatching(/^(?!.*wrong).*via http:\/\/127.0.0.1:\d+\/?: HTTP\/1.1 407/),
    fix: expect.stringContaining('HTTPS_PROXY'),
  });
  vi.stubEnv('HTTPS_PROXY', proxy.address.replace('//', '//me:secret@'));
  expect(await download()).toEqual(weights);
});

it.each([
  ['has no scheme of HTTP', 'socks5://127.0.0.1:1080', /HTTPS_PROXY names no proxy that can be used/],
  ['is not there', 'http://127.0.0.1:1', /cannot be reached \(ECONNREFUSED\)/],
])('says so of a proxy that %s', async (_, address, message) => {
  vi.stubEnv('HTTPS_PROXY', address);
  await expect(download()).rejects.toThrow(message);
});

it('gives up a proxy, or a hub, that takes the request and answers nothing', async () => {
  vi.stubEnv('HTTPS_PROXY', proxy.address);
  proxy.isSilent = true;
  await expect(download()).rejects.toThrow(/cannot be reached \(.*proxy tunnel timed out after 300ms\)/);
  hub.address = server.address;
  server.faults.push(() => true);
  await expect(download()).rejects.toThrow(/cannot be reached \(nothing came for 0.3 s\)/);
});

it('follows the hub through the proxy to no address inside that is written out', async () => {
  vi.stubEnv('HTTPS_PROXY', proxy.address);
  server.storageAddress = 'https://169.254.169.254';
  await expect(download()).rejects.toThrow('not on the open internet');
  expect(proxy.asked.join()).not.toContain('169.254');
});

it('addresses of images go through no proxy: each is checked here', async () => {
  vi.stubEnv('HTTPS_PROXY', proxy.address);
  vi.stubEnv('HTTP_PROXY', proxy.address);
  const remote = { maximumBytes: 1000, timeout: 2000, resolve: async () => [{ address: '10.0.0.1' }] };
  await expect(openRemote('https://hub.test/cat.jpg', remote)).rejects.toThrow('not on the open internet');
  expect(proxy.asked).toEqual([]);
});
