import { expect, it } from 'vitest';
import { settings } from '../../src/config.ts';
import { readSettings } from '../../src/read-settings.ts';

it('takes the flag before the environment, and that before the default', () => {
  const environment = { TANDEM_PORT: '81', TANDEM_HOST: '::1' };
  expect(readSettings(['port', 'host', 'max-queue'], { port: '80' }, environment)).toEqual({
    port: 80,
    host: '::1',
    'max-queue': 512,
  });
});

it('takes a variable that is empty for one that is not set, and a flag that is empty for a mistake', () => {
  const environment = { TANDEM_PORT: '', TANDEM_DATABASE_URL: '', DATABASE_URL: 'postgres://there/tandem' };
  expect(readSettings(['port', 'database-url'], {}, environment)).toEqual({
    port: 8080,
    'database-url': 'postgres://there/tandem',
  });
  expect(() => readSettings(['port'], { port: '' }, {})).toThrow(
    expect.objectContaining({ items: [{ at: '--port', detail: expect.stringContaining('empty') }] }),
  );
  expect(() => readSettings(['database-url'], {}, { DATABASE_URL: 'mysql://there' })).toThrow(
    expect.objectContaining({ items: [{ at: 'DATABASE_URL', detail: expect.any(String) }] }),
  );
});

it('takes the addresses of proxies with commas between, and a path that begins with a slash', () => {
  const read = (proxies: string, path: string) =>
    readSettings(['trusted-proxies', 'base-path'], { 'trusted-proxies': proxies, 'base-path': path }, {});
  expect(read('loopback, 10.0.0.0/8,::1', '/ml/tandem')).toEqual({
    'trusted-proxies': ['loopback', '10.0.0.0/8', '::1'],
    'base-path': '/ml/tandem',
  });
  expect(read('', '')).toEqual({ 'trusted-proxies': [], 'base-path': '' });
  for (const [proxies, path] of [
    ['proxy', ''],
    ['10.0.0.0/33', ''],
    ['', 'tandem'],
    ['', '/tandem/'],
    ['', '//elsewhere'],
  ] as const)
    expect(() => read(proxies, path)).toThrow('1 bad value');
});

it('takes several encoders of a modality: with + or commas between, and folders as they are', () => {
  const read = (value: string) =>
    readSettings(['text-encoder'], { 'text-encoder': value }, {})['text-encoder'];
  expect(read('mpnet')).toEqual(['mpnet']);
  expect(read('mpnet+clip')).toEqual(['mpnet', 'clip']);
  expect(read('mpnet,Xenova/clip@main')).toEqual(['mpnet', 'Xenova/clip@main']);
  expect(read('./c++/model,/models/a+b')).toEqual(['./c++/model', '/models/a+b']);
  for (const [value, problem] of [
    ['mpnet+mpnet', 'each encoder must be named once'],
    ['mpnet+', 'a name is empty'],
    ['a+b+c+d+e', 'at most 4 encoders'],
  ])
    expect(() => read(value)).toThrow(
      expect.objectContaining({
        items: [{ at: '--text-encoder', detail: expect.stringContaining(problem) }],
      }),
    );
});

it('names every bad value at once, each by where it came from', () => {
  const read = () =>
    readSettings(['port', 'provider', 'threads'], { port: 'http' }, { TANDEM_PROVIDER: 'tpu' });
  expect(read).toThrow(
    expect.objectContaining({
      code: 'invalid-configuration',
      items: [
        { at: '--port', detail: expect.stringContaining('"http"') },
        { at: 'TANDEM_PROVIDER', detail: expect.stringContaining('"tpu"') },
      ],
    }),
  );
});

it('has a valid default and a description for every setting', () => {
  const names = Object.keys(settings) as (keyof typeof settings)[];
  expect(Object.keys(readSettings(names, {}, {})).sort()).toEqual([...names].sort());
  for (const name of names) expect(settings[name].about.length).toBeGreaterThan(10);
});
