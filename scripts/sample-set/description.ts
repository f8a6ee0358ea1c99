const mostKeywords = 3;
/** Keywords that no demonstration wants on its screen. */
const coarse = ['sexy', 'shitface'];
/** Words that must not be left alone at an end when the word they belong to was removed. */
const functionWords = [
  'a',
  'an',
  'and',
  'at',
  'by',
  'for',
  'from',
  'in',
  'of',
  'on',
  'or',
  'the',
  'to',
  'under',
  'with',
];

/**
 * A line about an emoji that does not give its group away: the name and up to three keywords that add something,
 * without any word, in singular or plural, that a group's name has. May come out empty.
 * @example describeEmoji('place of worship', ['religion', 'church'], ['Travel & Places']); // 'worship, religion, church'
 */
export function describeEmoji(name: string, keywords: string[], groups: string[]): string {
  const forbidden = new Set(groups.flatMap(wordsOf).map(stem));
  const parts: string[] = [];
  const used = new Set<string>();
  const title = withoutWords(name, forbidden);
  if (title) parts.push(title);
  for (const word of wordsOf(title)) used.add(stem(word));
  for (const keyword of keywords) {
    const stems = wordsOf(keyword).map(stem);
    const isPlain = /^\p{L}[\p{L} ’']+$/u.test(keyword);
    if (
      !isPlain ||
      coarse.includes(keyword) ||
      stems.some((word) => forbidden.has(word)) ||
      stems.every((word) => used.has(word))
    )
      continue;
    parts.push(keyword);
    for (const word of stems) used.add(word);
    if (parts.length > mostKeywords) break;
  }
  return parts.join(', ');
}

function withoutWords(name: string, forbidden: Set<string>): string {
  const kept = name.split(' ').filter((word) => !wordsOf(word).some((part) => forbidden.has(stem(part))));
  if (kept.length === name.split(' ').length) return name;
  while (kept.length > 0 && functionWords.includes(kept[0].toLowerCase())) kept.shift();
  while (kept.length > 0 && functionWords.includes(kept.at(-1) ?? '')) kept.pop();
  return kept.join(' ').replace(/,$/, '');
}

export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Enough of a stem to tell that two words differ in number only: faces and face, activities and activity. */
export function stem(word: string): string {
  if (word === 'people' || word === 'persons') return 'person';
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}
