import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const endProcess = new URL('../../../src/cli/end-process.ts', import.meta.url);

/** Runs a process that closes what it has as a server does, and ends. */
async function closing(closed: string) {
  const script = `
    import { endProcess } from ${JSON.stringify(endProcess)};
    const all = new AsyncDisposableStack();
    ${closed}
    setInterval(() => {}, 1000);
    await endProcess(() => all.disposeAsync());`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { stderr: await text(child.stderr), code: await exit };
}

it('says nothing where all is closed', async () => {
  expect(await closing('all.defer(async () => {});')).toEqual({ stderr: '', code: 0 });
});

it('names in one line what could not be closed, closes the rest, and exits with 1', async () => {
  const { stderr, code } = await closing(`
    all.defer(() => Promise.reject(new Error('the last\\nof all')));
    all.defer(() => console.error('closed'));
    all.defer(() => Promise.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })));`);
  expect(stderr.split('\n')).toEqual([
    'closed',
    'not everything could be closed: the store does not answer: read ECONNRESET; the last of all',
    '',
  ]);
  expect(code).toBe(1);
});
