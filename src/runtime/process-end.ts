import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Characters of what a process writes to stderr last that are kept. */
const complaintLength = 2000;

/** How a process ended. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last 2,000 characters that it wrote to stderr. */
  complaint: string;
}

/**
 * How a process ends, once its last messages and complaints have come. To be called right after the start. Its own `close`
 * never comes where this side has closed the channel.
 * @throws where the process could not be started
 * @example const { code, complaint } = await processEnd(fork(script, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }));
 */
export async function processEnd(child: ChildProcess): Promise<ProcessEnd> {
  let complaint = '';
  child.stderr?.on('data', (text) => {
    complaint = (complaint + text).slice(-complaintLength);
  });
  const ended = new Promise<Omit<ProcessEnd, 'complaint'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  const heard = Promise.all([
    child.connected && once(child, 'disconnect'),
    child.stderr && once(child.stderr, 'close'),
  ]);
  // A process that could not be started fails both; `ended` says why.
  heard.catch(() => {});
  const exit = await ended;
  await heard;
  return { ...exit, complaint };
}

/**
 * How a process ended, in words that follow its name.
 * @example `the import ${describeEnd(end)}` // the import ended with code 3 TypeError: …
 */
export function describeEnd({ code, signal, complaint }: ProcessEnd): string {
  return `ended with ${signal ?? `code ${code}`} ${complaint.trim()}`.trim();
}
