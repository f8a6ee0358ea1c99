import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('../../../scripts/check-arrows.ts', import.meta.url));

/** Checks a source folder of these files. */
async function check(files: Record<string, string>): Promise<{ code: number; complaints: string }> {
  const src = await mkdtemp(path.join(tmpdir(), 'arrows-'));
  onTestFinished(() => rm(src, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(src, file)), { recursive: true });
    await writeFile(path.join(src, file), text);
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [script, src], (error, _stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), complaints: stderr }),
    );
  });
}

it('accepts imports from the own room and from those below it', async () => {
  const { code } = await check({
    'arl/fusion.ts': `import { add } from '../graph/operations/add.ts';\nimport './strategy.ts';`,
    'graph/operations/add.ts': `import type { Value } from '../value.ts';`,
    'graph/value.ts': `export { seed } from '../random.ts';`,
  });
  expect(code).toBe(0);
});

it.each([
  ['a room above', 'graph/emit.ts', `import { fuse } from '../arl/fusion.ts';`],
  ['a room above, as a type', 'graph/emit.ts', `import type { Fusion } from '../arl/fusion.ts';`],
  ['a room above, over several lines', 'graph/emit.ts', `import {\n  fuse,\n} from '../arl/fusion.ts';`],
  ['a room above, when it runs', 'graph/emit.ts', `const { fuse } = await import('../arl/fusion.ts');`],
  ['a room above within its own', 'graph/value.ts', `export { add } from './operations/add.ts';`],
  ['a room from below all', 'random.ts', `import { exists } from './store/files/exists.ts';`],
])('rejects an import of %s, by both names', async (_, file, text) => {
  const { code, complaints } = await check({ [file]: text });
  expect(code).toBe(1);
  expect(complaints).toContain(`src/${file} imports src/`);
});

it('rejects a file in no room of the list', async () => {
  const { code, complaints } = await check({ 'utils/text.ts': `import '../errors.ts';` });
  expect(code).toBe(1);
  expect(complaints).toContain('src/utils/text.ts is in no room');
});
