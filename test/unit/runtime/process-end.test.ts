import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeEnd, processEnd } from '../../../src/runtime/process-end.ts';

const start = (script: string, program = process.execPath) =>
  spawn(program, ['-e', script], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });

it('gives the code of a process and the last of what it complained', async () => {
  const end = await processEnd(start("console.error('x'.repeat(5000) + ' broken'); process.exitCode = 3"));
  expect(end).toMatchObject({ code: 3, signal: null });
  expect(end.complaint).toHaveLength(2000);
  expect(describeEnd(end)).toMatch(/^ended with code 3 x+ broken$/);
});

it('names the signal that ended a process', async () => {
  const end = await processEnd(start("process.kill(process.pid, 'SIGKILL')"));
  expect(describeEnd(end)).toBe('ended with SIGKILL');
});

it('comes after the last message of the process', async () => {
  const child = start(
    "for (let count = 0; count < 1000; count++) process.send(count, () => {}); process.on('disconnect', () => {}); process.channel.unref()",
  );
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  await processEnd(child);
  expect(messages).toHaveLength(1000);
});

it('says why a process could not be started', async () => {
  await expect(processEnd(start('', '/nowhere/node'))).rejects.toMatchObject({ code: 'ENOENT' });
});
