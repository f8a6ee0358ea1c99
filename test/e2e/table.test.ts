import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writePricedSet } from '../../scripts/priced-set.ts';
import { runCommand } from './server.ts';

let folder: string;
let set: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'table-'));
  set = path.join(folder, 'priced');
  await writePricedSet(set, { rows: 80, seed: 5 });
});
afterAll(() => rm(folder, { recursive: true }));

async function run(command: string, ...rest: string[]) {
  const { code, stdout, stderr } = await runCommand(command, ...rest, '--data', path.join(folder, 'data'));
  expect(code, stderr).toBe(0);
  return stdout;
}

it('trains from a CSV where the price decides, and predicts with the price and without it', async () => {
  const trained = await run('train', set, '--head', 'priced', '--table-columns', 'price, brand', '--json');
  const { metrics } = JSON.parse(trained);
  expect(metrics.fused.accuracy).toBeGreaterThan(0.85);
  expect(metrics.fused.accuracy).toBeGreaterThan(metrics.unimodal.text.accuracy);
  const predict = (...flags: string[]) => run('predict', '--head', 'priced', ...flags);
  const said = await predict('--text', 'a lamp, as new', '--table', '{"price": 190}');
  expect(said).toMatch(/from text and table:\n\s*dear/);
  expect(said).toMatch(/^table alone says dear/m);
  expect(await predict('--text', 'a lamp, as new')).toMatch(/from text:/);
  const unusable = await runCommand('predict', '--head', 'priced', '--table', '{"price": [1]}');
  expect(unusable).toMatchObject({ code: 1, stderr: expect.stringContaining('a number, a text or null') });
});

it('finds the values better than image and text, on equal terms', async () => {
  const compared = await run('compare', set, '--table-columns', 'price,brand', '--seeds', '2', '--json');
  const { results } = JSON.parse(compared);
  const accuracyOf = (name: string) =>
    results.find(({ contender }: { contender: string }) => contender === name).fused.accuracy.mean;
  expect(accuracyOf('table')).toBeGreaterThan(0.9);
  expect(accuracyOf('table')).toBeGreaterThan(Math.max(accuracyOf('image'), accuracyOf('text')));
});
