import { hash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'vite';
import { expect, it, onTestFinished } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');

/** sha256 of each file, by its name. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const read = files.map(async (file) => [path.relative(folder, file), hash('sha256', await readFile(file))]);
  return Object.fromEntries(await Promise.all(read));
}

it('serves what the source makes: else run npm run build:studio', async () => {
  const outDir = await mkdtemp(path.join(tmpdir(), 'built-'));
  onTestFinished(() => rm(outDir, { recursive: true }));
  await build({
    configFile: path.join(root, 'studio', 'vite.config.ts'),
    mode: 'production',
    logLevel: 'error',
    build: { outDir },
  });
  expect(await filesOf(path.join(root, 'src', 'protocols', 'studio', 'static'))).toEqual(
    await filesOf(outDir),
  );
});
