import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');

export interface ScratchClone {
  folder: string;
  /** Runs a command in it. @throws Error with `stderr` where it fails */
  run(command: string, ...args: string[]): Promise<{ stdout: string; stderr: string }>;
}

/**
 * A repository of its own with one commit: this working tree's files at its root, and its folders `.husky`, `scripts` and `src`. It
 * lasts until the test has finished. Git reads no settings of this machine there.
 */
export async function scratchClone(): Promise<ScratchClone> {
  const folder = await mkdtemp(path.join(tmpdir(), 'scratch-clone-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|GIT)_/i.test(name))),
    ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
  };
  const run: ScratchClone['run'] = (command, ...args) =>
    new Promise((resolve, reject) => {
      execFile(command, args, { cwd: folder, env }, (error, stdout, stderr) => {
        if (error) reject(Object.assign(error, { stdout, stderr }));
        else resolve({ stdout, stderr });
      });
    });
  const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = await new Promise<string>((resolve, reject) => {
    execFile(
      'git',
      [...listed, '--', ':(glob)*', '.husky', 'scripts', 'src'],
      { cwd: root },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
  });
  for (const file of files.split('\0').filter(Boolean))
    await cp(path.join(root, file), path.join(folder, file)).catch((error) => {
      // Git still lists what was removed from the working tree.
      if (error.code !== 'ENOENT') throw error;
    });
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await run('git', 'init', '--quiet', '--initial-branch', 'main');
  await run('git', 'config', 'user.name', 'Test');
  await run('git', 'config', 'user.email', 'test@example.org');
  // The pattern in .gitignore is for a folder; here it is a link.
  await run('sh', '-c', 'echo node_modules >> .git/info/exclude');
  await run('git', 'add', '.');
  await run('git', 'commit', '--quiet', '--message', 'Begin');
  return { folder, run };
}
