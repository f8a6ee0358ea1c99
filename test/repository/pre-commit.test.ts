import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type ScratchClone, scratchClone } from './scratch-clone.ts';

const wellFormed = "export const greeting = 'hello';\n";
const badlyFormed = 'export const greeting="hello"';

async function withHooks(): Promise<ScratchClone> {
  const clone = await scratchClone();
  await clone.run('npm', 'run', 'hooks');
  return clone;
}

const commit = ({ run }: ScratchClone) => run('git', 'commit', '--message', 'Greet');

it('refuses a commit whose staged files are not formatted, and names them', async () => {
  const clone = await withHooks();
  await writeFile(path.join(clone.folder, 'greeting.ts'), badlyFormed);
  await clone.run('git', 'add', 'greeting.ts');
  await expect(commit(clone)).rejects.toMatchObject({ stderr: expect.stringContaining('greeting.ts') });
  const { stdout } = await clone.run('git', 'log', '--format=%s');
  expect(stdout).toBe('Begin\n');
});

it('looks at staged files alone', async () => {
  const clone = await withHooks();
  await writeFile(path.join(clone.folder, 'unfinished.ts'), badlyFormed);
  await writeFile(path.join(clone.folder, 'greeting.ts'), wellFormed);
  await clone.run('git', 'add', 'greeting.ts');
  await commit(clone);
  await writeFile(path.join(clone.folder, 'notes.txt'), 'nothing that is linted');
  await clone.run('git', 'add', 'notes.txt');
  await commit(clone);
});

it('installs no hook where there is no repository, as in a tarball', async () => {
  const clone = await scratchClone();
  await rm(path.join(clone.folder, '.git'), { recursive: true });
  const { stdout } = await clone.run('npm', 'run', '-s', 'hooks');
  expect(stdout).toMatch(/\.git can't be found/);
});
