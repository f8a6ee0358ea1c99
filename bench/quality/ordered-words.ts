import { Random } from '../../src/random.ts';

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
/**
 * A table of texts whose label the words alone do not tell, their order does. A label is who chases; both animals are in every
 * text, in both roles as often.
 * @example orderedWords(2) // 'text,label\nthe cat chases the dog in the park at dawn (0),cat\n…'
 */
export function orderedWords(rows: number): string {
  const random = new Random(0, 'word order');
  const pick = (items: readonly string[]) => items[random.nextInteger(items.length)] ?? '';
  const lines = ['text,label'];
  for (let row = 0; row < rows; row++) {
    const hunter = pick(animals);
    const prey = pick(animals.filter((other) => other !== hunter));
    lines.push(`the ${hunter} chases the ${prey} ${pick(places)} ${pick(times)} (${row}),${hunter}`);
  }
  return `${lines.join('\n')}\n`;
}
