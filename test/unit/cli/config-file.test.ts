import { expect, it } from 'vitest';
import { readConfigFile } from '../../../src/cli/config-file.ts';
import { readSettings } from '../../../src/read-settings.ts';
import { folderWith } from '../datasets/sample.ts';

it.each([
  ['tandem.config.json', '{ "port": 81, "fetch-urls": "on", "host": "::1" }'],
  ['tandem.config.yaml', '# ours\nport: 81\nfetch-urls: on\nhost: "::1"\n'],
  ['tandem.config.yml', 'port: 81\nfetch-urls: on\nhost: "::1"\n'],
])(
  'takes %s of the working directory, below flags and variables and above the defaults',
  async (name, text) => {
    const file = readConfigFile(undefined, await folderWith({ [name]: text }));
    const environment = { TANDEM_HOST: '::2', TANDEM_PORT: '82' };
    const read = readSettings(
      ['port', 'host', 'fetch-urls', 'max-queue'],
      { port: '83' },
      environment,
      undefined,
      file,
    );
    expect(read).toEqual({ port: 83, host: '::2', 'fetch-urls': 'on', 'max-queue': 512 });
  },
);

it('takes the file that is named, and none where none lies there', async () => {
  const folder = await folderWith({ 'ours.yaml': 'port: 81' });
  expect(readConfigFile('ours.yaml', folder)).toEqual({ place: 'ours.yaml', values: { port: '81' } });
  expect(readConfigFile(undefined, folder)).toBeUndefined();
});

it('names every unknown setting with the one that was meant, and every value that is none', async () => {
  const folder = await folderWith({
    'tandem.config.json': '{ "prot": 81, "speed": 1, "host": {}, "data": null }',
  });
  const kinds = 'must be a text, a number, true or false, or a list of them';
  expect(() => readConfigFile(undefined, folder)).toThrow(
    expect.objectContaining({
      code: 'invalid-configuration',
      items: [
        { at: 'tandem.config.json: prot', detail: 'there is no such setting; did you mean "port"?' },
        { at: 'tandem.config.json: speed', detail: 'there is no such setting; serve --help lists them' },
        { at: 'tandem.config.json: host', detail: kinds },
        { at: 'tandem.config.json: data', detail: kinds },
      ],
    }),
  );
});

it('names the file of a bad value', async () => {
  const file = readConfigFile(undefined, await folderWith({ 'tandem.config.yaml': 'port: http' }));
  expect(() => readSettings(['port'], {}, {}, undefined, file)).toThrow(
    expect.objectContaining({
      items: [{ at: 'tandem.config.yaml: port', detail: '"http" is not valid: must be a number' }],
    }),
  );
});

it.each([
  ['no file', {}, 'none.json: there is no such file'],
  ['a broken file', { 'none.json': '{' }, 'none.json: Expected property name'],
  ['a list', { 'none.json': '[]' }, 'none.json: it must be an object of settings'],
])('says what is wrong with %s', async (_, files, message) => {
  const folder = await folderWith(files);
  expect(() => readConfigFile('none.json', folder)).toThrow(
    expect.objectContaining({ code: 'invalid-configuration', message: expect.stringContaining(message) }),
  );
});

it('refuses two files in one place', async () => {
  const folder = await folderWith({ 'tandem.config.json': '{}', 'tandem.config.yml': '{}' });
  expect(() => readConfigFile(undefined, folder)).toThrow('both lie here');
});
