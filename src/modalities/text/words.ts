import { z } from 'zod';
import { itemAt } from '../../indexing.ts';

/** A word of a text, or neighbouring words. */
export const textPart = z.object({
  text: z.string(),
  /** Where it begins and ends in the text, in UTF-16 code units. */
  start: z.int(),
  end: z.int(),
});
export type TextPart = z.infer<typeof textPart>;

/** Characters in which words are looked for; more than an encoder reads of any usual text. */
const mostCharacters = 8192;
/** Characters of a text without a word: what may move into the encoder's sight. The rest would only be tokenized. */
const charactersLeft = 2 * mostCharacters;

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/**
 * The words of a text that its encoder reads, and the text without each, cut where it is long. Where there are more than `most`, neighbouring
 * words are left out together.
 * @param options `parts`: those instead; `maximumTokens`: more than so many tokens are cut off; `tokenize`: the ids of a text, cut
 * @example const [{ part, without }] = await omitWords('a red bike', options); // { text: 'a', start: 0, end: 1 }, ' red bike'
 */
export async function omitWords(
  text: string,
  options: {
    most: number;
    parts?: readonly object[] | undefined;
    maximumTokens: number;
    tokenize(text: string): Promise<readonly number[]>;
  },
): Promise<{ part: TextPart; without: string }[]> {
  const parts = options.parts?.map((part) => textPart.parse(part)) ?? (await partsOf(text, options));
  return parts.map((part) => ({
    part,
    without: text.slice(0, part.start) + text.slice(part.end, charactersLeft),
  }));
}

/** Words that the encoder reads, neighbouring ones together where there are many. */
async function partsOf(text: string, options: Parameters<typeof omitWords>[1]): Promise<TextPart[]> {
  const words = await wordsRead(text, wordsOf(text.slice(0, mostCharacters)), options);
  const size = Math.ceil(words.length / options.most);
  return Array.from({ length: Math.ceil(words.length / Math.max(1, size)) }, (_, group) => {
    const { start } = itemAt(words, group * size);
    const { end } = itemAt(words, Math.min(words.length, (group + 1) * size) - 1);
    return { text: text.slice(start, end), start, end };
  });
}

interface Word {
  start: number;
  end: number;
}

/** Words, emoji and other symbols; no punctuation, no spaces. */
function wordsOf(text: string): Word[] {
  return Array.from(segmenter.segment(text))
    .filter(({ segment, isWordLike }) => isWordLike || /[\p{S}\p{Extended_Pictographic}]/u.test(segment))
    .map(({ segment, index }) => ({ start: index, end: index + segment.length }));
}

/** The words in front of those that are cut off. */
async function wordsRead(
  text: string,
  words: readonly Word[],
  { maximumTokens, tokenize }: { maximumTokens: number; tokenize(text: string): Promise<readonly number[]> },
): Promise<readonly Word[]> {
  const isCut = async (count: number) =>
    count > 0 && (await tokenize(text.slice(0, itemAt(words, count - 1).end))).length >= maximumTokens;
  let [read, cut] = [0, words.length];
  // The first so many words that reach the encoder's length: all of them where none do.
  while (read < cut) {
    const middle = Math.floor((read + cut) / 2);
    if (await isCut(middle)) cut = middle;
    else read = middle + 1;
  }
  return words.slice(0, cut);
}
