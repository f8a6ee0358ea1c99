import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { print, printJson, table, visible } from '../../src/cli/output.ts';
import { main, runCommand } from './server.ts';

const hostile = 'pets\u001b[2J\u009b31m\r\b\u0000\u202eexe';
const shown = 'pets\\u001b[2J\\u009b31m\\u000d\\u0008\\u0000\\u202eexe';

it('writes control characters out, and leaves letters of every script and line feeds alone', () => {
  expect(visible(hostile)).toBe(shown);
  expect(visible('Größe 猫 שלום 👩‍👩‍👧\nnext')).toBe('Größe 猫 שלום 👩‍👩‍👧\nnext');
});

it('prints lines, tables and JSON without control characters, and JSON that means the same', () => {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  onTestFinished(() => write.mockRestore());
  print(hostile);
  print(table([['label'], [hostile], ['two\nlines']]));
  const lines = printed;
  printed = '';
  printJson({ label: hostile });
  expect(lines.split('\n').map((line) => line.trimEnd())).toEqual([
    shown,
    'label',
    shown,
    'two\\u000alines',
    '',
  ]);
  expect(printed).toMatch(/^[\n -~]*$/);
  expect(JSON.parse(printed)).toEqual({ label: hostile });
});

it('shows a hostile name in an error without obeying it', async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'output-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const named = ['datasets', 'delete', 'pets\u001b[2J', '--data', data];
  const forPeople = await runCommand(...named);
  expect(forPeople.code).toBe(1);
  expect(forPeople.stderr).toContain('pets\\u001b[2J');
  expect(forPeople.stderr).not.toContain('\u001b[2J');
  const { error } = JSON.parse((await runCommand(...named, '--json')).stdout);
  expect(error.detail).toContain('pets');
});

it('ends quietly where what reads its output ends first', async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'output-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const { promise, resolve } = Promise.withResolvers<string>();
  const command = `"${process.execPath}" "${main}" heads info emoji --data "${data}" | head -1`;
  execFile('sh', ['-c', command], (_error, stdout, stderr) => resolve(stdout + stderr));
  expect(await promise).toBe('head        emoji@1\n');
});
