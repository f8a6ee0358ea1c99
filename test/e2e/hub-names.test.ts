import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelHub } from '../model-hub.ts';
import { commit, hubWithTiny } from '../tiny-hub.ts';
import { runForJson } from './server.ts';

let folder: string;
let hub: ModelHub;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hub-names-'));
  hub = await hubWithTiny(folder);
  const rows = Array.from(
    { length: 12 },
    (_, row) => `bike ${'red '.repeat(row)},bikes\ndog ${'bark '.repeat(row)},dogs\n`,
  );
  await writeFile(path.join(folder, 'kinds.csv'), `text,label\n${rows.join('')}`);
});
afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

it.each([
  ['a model of the hub', () => 'some-lab/tiny'],
  [
    'a model of the hub at a commit, beside a bundled encoder',
    () => `some-lab/tiny@${commit}+all-MiniLM-L6-v2`,
  ],
  ['a model’s folder', () => path.join(folder, 'tiny')],
])('trains and compares with %s that a flag names', async (_, encoder) => {
  const data = path.join(folder, 'data');
  const flags = ['--text-encoder', encoder(), '--hub', hub.address];
  const table = path.join(folder, 'kinds.csv');
  const trained = await runForJson(
    data,
    'train',
    table,
    '--head',
    'kinds',
    '--no-search',
    '--no-refit',
    ...flags,
  );
  expect(trained.code, trained.stderr).toBe(0);
  const compared = await runForJson(data, 'compare', table, '--seeds', '2', ...flags);
  expect(compared.code, compared.stderr).toBe(0);
  const asked = await runForJson(data, 'predict', '--head', 'kinds', '--text', 'bike red');
  expect(asked.value).toMatchObject({ labels: [{}, {}] });
});
