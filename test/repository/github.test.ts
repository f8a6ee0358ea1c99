import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { pythonEnvironment } from '../../scripts/python-environment.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..');

let python: string;
beforeAll(async () => {
  python = await pythonEnvironment(import.meta.dirname);
});

it.each([
  ['github-workflows', ['workflows/ci.yml']],
  [
    'github-issue-forms',
    ['ISSUE_TEMPLATE/bug.yml', 'ISSUE_TEMPLATE/feature.yml', 'ISSUE_TEMPLATE/question.yml'],
  ],
  ['github-issue-config', ['ISSUE_TEMPLATE/config.yml']],
  ['dependabot', ['dependabot.yml']],
])('follows the schema %s', async (schema, files) => {
  const paths = files.map((file) => path.join(root, '.github', file));
  const { stdout } = await run(python, [
    '-m',
    'check_jsonschema',
    '--builtin-schema',
    `vendor.${schema}`,
    ...paths,
  ]);
  expect(stdout).toMatch(/ok/);
});

it('runs on GitHub all that .ci/run runs, by scripts that exist', async () => {
  const [ours, workflow, { scripts }] = await Promise.all([
    readFile(path.join(root, '.ci', 'run'), 'utf8'),
    readFile(path.join(root, '.github', 'workflows', 'ci.yml'), 'utf8'),
    readFile(path.join(root, 'package.json'), 'utf8').then((text) => JSON.parse(text)),
  ]);
  const commands = ours
    .split('\n')
    .map((line) => line.trim().replace('suite npm', 'npm'))
    .filter((line) => /^([A-Z_]+=\S+ )*npm (ci|test|run)\b/.test(line));
  expect(commands.length).toBeGreaterThan(8);
  expect(commands.filter((command) => !workflow.includes(command))).toEqual([]);
  const named = [...workflow.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
