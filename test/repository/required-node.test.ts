import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');
let packageJson: { engines: { node: string } };
beforeAll(async () => {
  packageJson = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
});

/** The files that start the command line, in a project that requires the Node of `engines` and cannot be parsed by this one. */
async function startedWhere(engines: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'required-node-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(path.join(folder, 'src', 'cli'), { recursive: true });
  for (const file of ['bin', 'src/main.ts', 'src/require-node.js', 'src/compile-cache.ts'])
    await cp(path.join(root, file), path.join(folder, file), { recursive: true });
  const description = { ...packageJson, engines: { node: engines } };
  await writeFile(path.join(folder, 'package.json'), JSON.stringify(description));
  await writeFile(path.join(folder, 'src/cli/command-line.ts'), 'await future syntax;');
  return folder;
}

function start(folder: string, file: string): Promise<{ code: number | string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(folder, file), 'serve'], (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
}

it.each(['bin/tandem.js', 'src/main.ts'])('%s says in one line which Node is required', async (file) => {
  expect(await start(await startedWhere('>=99'), file)).toEqual({
    code: 1,
    stderr: `tandem requires Node 99 or newer; this is Node ${process.versions.node} (${process.execPath})\n`,
  });
});

it('goes on where Node is new enough', async () => {
  const { stderr } = await start(await startedWhere(packageJson.engines.node), 'bin/tandem.js');
  expect(stderr).toMatch(/command-line\.ts[\s\S]*SyntaxError/);
});

it('requires a Node that every dependency accepts', async () => {
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8'));
  const ours = Number(/^>=(\d+)$/.exec(packageJson.engines.node)![1]);
  const refusing = Object.entries<{ dev?: boolean; engines?: { node?: string } }>(lock.packages)
    .filter(([, { dev }]) => !dev)
    .flatMap(([name, { engines }]) =>
      [...(engines?.node ?? '').matchAll(/^>= ?(\d+)/g)].map((it) => [name, Number(it[1])] as const),
    )
    .filter(([, major]) => major > ours);
  expect(refusing).toEqual([]);
});
