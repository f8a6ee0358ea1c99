import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../src/random.ts';

/**
 * Writes texts whose label the words alone do not tell, their order does: `node bench/quality/word-order.ts --to word-order`. A label
 * is who chases; both animals are in every text, in both roles as often.
 */
const { values } = parseArgs({
  options: { to: { type: 'string' }, rows: { type: 'string', default: '10000' } },
});
const { to, rows } = values;
if (to === undefined) throw new Error('--to: the folder to write is missing');

const animals = ['dog', 'cat', 'horse', 'fox', 'bear', 'duck', 'goat', 'lion', 'wolf', 'mouse', 'cow', 'pig'];
const places = [
  'in the park',
  'at the lake',
  'near the old barn',
  'on the hill',
  'behind the house',
  'in the snow',
];
const times = ['at dawn', 'before noon', 'at night', 'in spring', 'all day', 'again', 'once more', 'for fun'];
const random = new Random(0, 'word order');
const pick = (items: readonly string[]) => items[random.nextInteger(items.length)] ?? '';

const lines = ['text,label'];
for (let row = 0; row < Number(rows); row++) {
  const hunter = pick(animals);
  const prey = pick(animals.filter((other) => other !== hunter));
  lines.push(`the ${hunter} chases the ${prey} ${pick(places)} ${pick(times)} (${row}),${hunter}`);
}
await mkdir(to, { recursive: true });
await writeFile(path.join(to, 'metadata.csv'), `${lines.join('\n')}\n`);
