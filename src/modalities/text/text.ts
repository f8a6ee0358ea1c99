import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Input, PretrainedModality } from '../modality.ts';
import { inputText } from './input-text.ts';
import { lexical } from './lexical/lexical.ts';
import { type TextPreprocessing, textPreprocessing } from './preprocessing.ts';
import { padTokens } from './tokens.ts';
import { omitWords, type TextPart, textPart } from './words.ts';

/** As long as most texts that people write to images: some 24 tokens. */
const usualText =
  'second-hand bicycle, some scratches on the frame, new tyres, works as it should, to be picked up in town';

/** Texts. They are prepared as token ids; the tokenizer is loaded with the encoder. */
export const text: PretrainedModality<
  'text',
  string,
  string,
  TextPreprocessing,
  readonly number[],
  TextPart
> = {
  name: 'text',
  given: z.string(),
  noun: 'a text',
  column: 'text',
  otherColumns: ['text', 'title', 'description', 'caption'],
  fromCell: async (cell) =>
    cell.includes('\0') ? { problem: 'a zero byte stands in the text; remove it' } : { reference: cell },
  extensions: ['.txt'],
  async fromFile(path, readText) {
    const read = await readText(path);
    if ('problem' in read) return read;
    return read.text === '' ? undefined : { reference: read.text };
  },
  inputOf: (text) => text,
  identityOf: (text) => text,
  sha256Of: (text) => hash('sha256', text),
  likenessOf: (text) => text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim() || undefined,
  subjectOf: () => 'its text',
  stored: z.string(),
  store: (text) => text,
  restore: (text) => text,
  unit: 'tokens',
  stage: 'tokenize',
  preprocessing: textPreprocessing,
  budgets: { cpu: 512, cuda: 16_384 },
  batchItems: { cpu: 8, cuda: 8 },
  shapeOf: (tokens) => tokens.length,
  companion: lexical,
  probe: 'ready?',
  sample: async () => usualText,
  variety: async () => [
    'a',
    'a red bike',
    usualText,
    usualText.split(', ').reverse().join('. '),
    'ready? '.repeat(40),
  ],
  isEmpty: isBlank,
  part: textPart,
  namePart: ({ text }) => text,
  async open({ folder, preprocessing, shapes }) {
    const { maximumTokens, prefix = '', lowercase = false, padding, isFixedLength } = preprocessing;
    const { TokenizerPool } = await import('./tokenizer-pool.ts');
    const tokenizer = await TokenizerPool.start({ folder, maximumTokens });
    const padded = (longest: number) =>
      isFixedLength ? maximumTokens : shapes.tokens(longest, maximumTokens);
    const whole = (text: string) => prefix + (lowercase ? text.toLowerCase() : text);
    return {
      prepare: (input, options) => tokenizer.tokenize(whole(inputText(input)), options),
      async omit(input, { most, parts, signal }) {
        const tokenize = (text: string) => tokenizer.tokenize(whole(text), { signal, mayWait: true });
        const omissions = await omitWords(inputText(input), { most, parts, maximumTokens, tokenize });
        return omissions.map(({ part, without }) => ({
          part,
          input: without,
          without: () => (isBlank(without) ? undefined : tokenize(without)),
        }));
      },
      costOf: (tokens) => tokens.length,
      paddedCostOf: (tokens) => padded(tokens.length),
      overhead: shapes.overhead,
      fitBudget: (budget) => shapes.budget(budget, 1),
      join(texts) {
        const longest = Math.max(...texts.map((ids) => ids.length));
        return padTokens(texts, { rows: shapes.rows(texts.length), tokens: padded(longest), padding });
      },
      close: () => tokenizer.close(),
    };
  },
};

function isBlank(input: Input): boolean {
  return inputText(input).trim() === '';
}
