import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { ImportMessage, ImportOrder } from '../../../../src/datasets/import/import-task.ts';
import { folderWith, temporaryFolder } from '../../../unit/datasets/sample.ts';

it.each(['SIGINT', 'SIGTERM'] as const)('finishes an import after %s to the whole group', async (signal) => {
  const rows = Array.from({ length: 20_000 }, (_, row) => `text ${row},${row % 2 ? 'odd' : 'even'}\n`);
  const folder = await folderWith({ 'metadata.csv': `text,label\n${rows.join('')}` });
  const child = fork(new URL('../../../../src/datasets/import/import-process.ts', import.meta.url));
  const messages: ImportMessage[] = [];
  child.on('message', (message: ImportMessage) => {
    messages.push(message);
    if (messages.length === 1) child.kill(signal);
  });
  const order: ImportOrder = { source: { folder }, options: {}, scratch: await temporaryFolder() };
  child.send({ ...order });
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(messages[0]).toMatchObject({ kind: 'progress' });
  expect(messages.at(-1)).toMatchObject({ kind: 'tried', trial: { problemCount: 0 } });
});
