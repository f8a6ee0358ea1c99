import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..');

/** The environment that a shell has: this test runs below npm, which hands its own settings down. */
const shell = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'install-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A package that leaves the file `ran` where npm runs its scripts. */
async function packageWithScripts(folder: string): Promise<string> {
  await mkdir(folder);
  const leave = "node -e \"require('fs').writeFileSync('ran', '')\"";
  const scripts = { preinstall: leave, install: leave, postinstall: leave };
  const description = { name: 'with-scripts', version: '1.0.0', scripts };
  await writeFile(path.join(folder, 'package.json'), JSON.stringify(description));
  await run('npm', ['pack'], { cwd: folder });
  return path.join(folder, 'with-scripts-1.0.0.tgz');
}

// Node 20 and 22 come with npm 10, which runs every package's scripts; npm 11 prints which settings it doesn't know.
it.each(['npm@10.9.9', 'npm@11.19.1'])('%s runs no install script and prints no warning', async (npm) => {
  const tools = await scratch();
  await run('npm', ['install', '--prefix', tools, npm], { cwd: tools });
  const folder = await scratch();
  const archive = await packageWithScripts(path.join(folder, 'with-scripts'));
  const project = path.join(folder, 'project');
  await mkdir(project);
  await cp(path.join(root, '.npmrc'), path.join(project, '.npmrc'));
  const dependencies = { 'with-scripts': `file:${archive}` };
  await writeFile(path.join(project, 'package.json'), JSON.stringify({ private: true, dependencies }));

  const [userconfig, globalconfig] = ['user', 'global'].map((name) => path.join(folder, name));
  const env = {
    ...shell,
    npm_config_userconfig: userconfig,
    npm_config_globalconfig: globalconfig,
    npm_config_update_notifier: 'false',
  };
  const cli = path.join(tools, 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const options = { cwd: project, env };
  const { stderr } = await run(process.execPath, [cli, 'install', '--offline', '--no-audit'], options);
  expect(await readdir(path.join(project, 'node_modules', 'with-scripts'))).toEqual(['package.json']);
  expect(stderr).toBe('');
});
