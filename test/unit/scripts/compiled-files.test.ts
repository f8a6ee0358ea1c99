import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { compileModuleUrls, missingFiles } from '../../../scripts/compiled-files.ts';

it.each([
  [
    `new Worker(new URL('./worker.ts', import.meta.url))`,
    `new Worker(new URL('./worker.js', import.meta.url))`,
  ],
  [
    `fork(new URL(\n  '../jobs/child.ts',\n  import.meta.url,\n))`,
    `fork(new URL(\n  '../jobs/child.js',\n  import.meta.url,\n))`,
  ],
  [`new URL('./scheme.proto', import.meta.url)`, `new URL('./scheme.proto', import.meta.url)`],
  [`new URL('./worker.ts', address)`, `new URL('./worker.ts', address)`],
])('names the compiled file in %j', (code, compiled) => {
  expect(compileModuleUrls(code)).toBe(compiled);
});

it.each([
  [`new Worker(new URL('./worker.ts', import.meta.url))`, './worker.ts'],
  [`new Worker(new URL('./gone.js', import.meta.url))`, './gone.js'],
  [`fork(path.join(import.meta.dirname, 'worker.ts'))`, 'worker.ts'],
  [`loadSync(path.join(import.meta.dirname, 'gone.proto'))`, 'gone.proto'],
  [`const program = './worker.ts';`, './worker.ts'],
  [`import { x } from './gone.js';`, './gone.js'],
  [`export * from '../gone.js';`, '../gone.js'],
  [`import {\n  x,\n} from './gone.js';`, './gone.js'],
  [`await import('./gone.js')`, './gone.js'],
])('misses a file that %j names', async (code, missing) => {
  expect(missingFiles(code, await builtFile())).toEqual([missing]);
});

it('misses nothing where every file is there', async () => {
  const code = `
    // as fork('./worker.ts') would
    /**
     * @example
     * new Supervised(new URL('./gone.js', import.meta.url), open('models/head.ts'));
     */
    import { x } from './worker.js';
    new Worker(new URL('./worker.js', import.meta.url));
    loadSync(path.join(import.meta.dirname, 'scheme.proto'));`.replaceAll('\n    ', '\n');
  expect(missingFiles(code, await builtFile())).toEqual([]);
});

/** A file of a folder that holds worker.js and scheme.proto beside it. */
async function builtFile(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'built-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of ['worker.js', 'scheme.proto']) await writeFile(path.join(folder, name), '');
  return path.join(folder, 'main.js');
}
