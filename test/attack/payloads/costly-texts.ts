const charactersOfText = 16_000;

const repeated = (part: string) => part.repeat(Math.floor(charactersOfText / part.length));

/**
 * Texts that take a tokenizer long, by what is costly in them: words of 99 letters that fall apart at their last one,
 * at any piece or after long ones, a word without an end, marks without an end, and what leaves no tokens.
 * @example await embed(costlyTexts['unknown words'])
 */
export const costlyTexts = {
  'long words': repeated(`${'a'.repeat(99)} `),
  'unknown words': repeated(`${'z'.repeat(98)}\u{1f600} `),
  'unknown words of long pieces': repeated(`${'internationalizatio'.repeat(5)}\u{1f600} `),
  'one word': 'a'.repeat(charactersOfText),
  'marks in the wrong order': `a${'\u0301'.repeat(charactersOfText / 2)}${'\u0316'.repeat(charactersOfText / 2)}`,
  'characters of many marks': repeated(`a${'\u0301\u0316'.repeat(100)}`),
  'white space': ' '.repeat(charactersOfText),
  'control characters': '\u200b'.repeat(charactersOfText),
  punctuation: '.'.repeat(charactersOfText),
  ideographs: '\u4e2d'.repeat(charactersOfText),
  'special tokens': repeated('[SEP]'),
};

/** Two thousand of them are just below 20 MiB. */
const charactersOfEmbedded = 9_000;

/**
 * Very many texts of words of 99 letters, none like another: 2,000 are 19 MB.
 * @example JSON.stringify({ input: longWords(2000) })
 */
export function longWords(texts: number): string[] {
  const words = costlyTexts['unknown words'].slice(0, charactersOfEmbedded);
  return Array.from({ length: texts }, (_, index) => `${index} ${words}`);
}

/**
 * A request for embeddings of very many texts of words of 99 letters, none like another: 2,000 are 19 MB, and a few
 * kilobytes by gzip.
 * @example fetch(`${address}/v1/embeddings`, embeddingsOfLongWords(2000))
 */
export function embeddingsOfLongWords(texts: number): RequestInit {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'all-MiniLM-L6-v2', input: longWords(texts) }),
  };
}
