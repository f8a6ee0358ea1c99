import { execFile } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..');

it('runs every test file in a suite', async () => {
  const configs = await Array.fromAsync(glob('test/*/vitest.config.ts', { cwd: root }));
  expect(configs.length).toBeGreaterThan(10);
  const included = await Promise.all(
    configs.map(
      async (file): Promise<string[]> => (await import(path.join(root, file))).default.test.include,
    ),
  );
  const { stdout } = await run('git', ['ls-files', '*.test.ts'], { cwd: root });
  const files = stdout.trim().split('\n');
  expect(files.length).toBeGreaterThan(100);
  const left = files.filter((file) => !included.flat().some((pattern) => path.matchesGlob(file, pattern)));
  expect(left).toEqual([]);
});

it('runs on other stores only what opens the store that it is given', async () => {
  const { include } = (await import(path.join(root, 'test/stores/vitest.config.ts'))).default.test;
  const files = await Array.fromAsync(glob(include, { cwd: root }));
  expect(files.length).toBeGreaterThan(20);
  const others = await Promise.all(
    files.map(async (file) =>
      /\/(test-store|server)\.ts'/.test(await readFile(path.join(root, file), 'utf8')) ? [] : [file],
    ),
  );
  expect(others.flat()).toEqual([]);
});
