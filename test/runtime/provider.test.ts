import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { emitFunction } from '../../src/graph/emit.ts';
import { exp } from '../../src/graph/operations/elementwise.ts';
import { input } from '../../src/graph/value.ts';
import { chooseProvider } from '../../src/runtime/provider.ts';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'provider-'));
  model = path.join(folder, 'model.onnx');
  const x = input('x', [1]);
  await writeFile(model, emitFunction([x], { y: exp(x) }));
});
afterAll(() => rm(folder, { recursive: true }));

it('takes the CPU where it is asked for', async () => {
  expect(await chooseProvider('cpu', model)).toEqual({ provider: 'cpu', reason: 'asked for' });
});

it('says why it took what it took when the choice is its own', async () => {
  const { provider, reason } = await chooseProvider('auto', model);
  expect(['cpu', 'cuda']).toContain(provider);
  expect(reason).toMatch(/CUDA/);
});

it('never falls back from CUDA that was asked for', async () => {
  const { provider } = await chooseProvider('auto', model);
  if (provider === 'cuda') expect((await chooseProvider('cuda', model)).provider).toBe('cuda');
  else await expect(chooseProvider('cuda', model)).rejects.toThrow(/CUDA/);
});
