import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { orderedWords } from './ordered-words.ts';

/**
 * Writes texts whose label the words alone do not tell, their order does: `node bench/quality/word-order.ts --to word-order`.
 */
const { values } = parseArgs({
  options: { to: { type: 'string' }, rows: { type: 'string', default: '10000' } },
});
const { to, rows } = values;
if (to === undefined) throw new Error('--to: the folder to write is missing');

await mkdir(to, { recursive: true });
await writeFile(path.join(to, 'metadata.csv'), orderedWords(Number(rows)));
