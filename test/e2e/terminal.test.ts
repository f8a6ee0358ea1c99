import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { main } from './server.ts';

interface OnTerminal {
  columns: number;
  /** Ctrl-C is typed once this is shown. */
  interruptAt: RegExp;
}

/** Checks the sample set as from a terminal: `script` (util-linux) makes one and answers with the command's exit code. */
async function checkOnTerminal({ columns, interruptAt }: OnTerminal) {
  const data = await mkdtemp(path.join(tmpdir(), 'terminal-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const command = `stty cols ${columns}; exec '${process.execPath}' '${main}' datasets check '${inject('sampleSet')}' --data '${data}'`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } });
  let shown = '';
  let isInterrupted = false;
  for await (const chunk of child.stdout) {
    shown += chunk;
    if (isInterrupted || !interruptAt.test(shown)) continue;
    isInterrupted = true;
    child.stdin.write('\u0003');
  }
  const code = child.exitCode ?? (await new Promise((resolve) => child.on('exit', resolve)));
  return { code, shown, isInterrupted };
}

it('ends with 130 on Ctrl-C, in the middle of a bar', async () => {
  const { code, shown, isInterrupted } = await checkOnTerminal({ columns: 80, interruptAt: /1\d\d\/\d/ });
  expect({ code, isInterrupted }).toEqual({ code: 130, isInterrupted: true });
  expect(shown).toMatch(/checking \[=*> *\] 1\d\d\/\d+/);
});

it('writes one line for each stage on a terminal of no width', async () => {
  const { code, shown, isInterrupted } = await checkOnTerminal({ columns: 0, interruptAt: /never/ });
  expect({ code, isInterrupted }).toEqual({ code: 0, isInterrupted: false });
  expect(shown).not.toContain('\u001b');
  expect(shown.match(/checking/g)).toHaveLength(1);
});
