/**
 * A training that tunes, in a process of its own, so that a test can kill it: `node tuning-process.ts DATA TABLE CHECKPOINTS`.
 * It prints a line at every step of its progress, and at the end the sha256 of the head.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { openTandem } from '../../../src/index.ts';

const [data, table, checkpoints] = process.argv.slice(2);
const tandem = await openTandem({ data, logLevel: 'silent', threads: 1 });
const { folder } = await tandem.train(table, {
  ...{ head: 'hunters', search: false, refit: true, tune: 'text:last-2', checkpoints },
  onProgress: ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`),
});
const hash = createHash('sha256').update(await readFile(path.join(folder, 'head.onnx')));
process.stdout.write(`${hash.digest('hex')}\n`);
await tandem.close();
