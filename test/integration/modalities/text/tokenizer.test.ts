import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AutoTokenizer, env } from '@xenova/transformers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenize } from '../../../../src/modalities/text/tokenizer.ts';
import { costlyTexts } from '../../../attack/payloads/costly-texts.ts';

const models = fileURLToPath(new URL('../../../../models/', import.meta.url));
const folder = path.join(models, 'all-MiniLM-L6-v2');
const maximumTokens = 128;

let tokenize: Tokenize;
/** The library's tokenizer as it is, on all of the text that can matter; cut as the encoder wants it. */
let reference: Tokenize;
beforeAll(async () => {
  tokenize = await loadTokenizer(folder, maximumTokens);
  Object.assign(env, { allowRemoteModels: false, useFSCache: false, localModelPath: models });
  const library = await AutoTokenizer.from_pretrained('all-MiniLM-L6-v2', { local_files_only: true });
  reference = (text) => {
    const ids: number[] = library.encode(text.slice(0, maximumTokens * 128));
    return ids.length <= maximumTokens ? ids : [...ids.slice(0, maximumTokens - 1), ids[ids.length - 1]];
  };
});

const sentences = [
  'The handle came off after two days. I have tried to glue it, but it does not hold!',
  'Der Straßenübergang läßt sich nur über Umwege erreichen; Fußgänger müssen warten.',
  'L’été dernier, j’ai mangé une crème brûlée à la terrasse d’un café.',
  'El niño comió una piña en la montaña, ¿verdad?',
  'Съешь же ещё этих мягких французских булок, да выпей чаю.',
  'Ο Σίσυφος έσπρωχνε τον βράχο ΟΔΥΣΣΕΥΣ. ΣΑΣ Σ.',
  'İstanbul’da ılık bir gün; ığdır, ŞİŞLİ.',
  'Tiếng Việt có nhiều dấu: phở, bánh mì, nước mắm.',
  'مرحبا بالعالم، كيف حالك اليوم؟',
  'שלום עולם, מה שלומך היום?',
  'नमस्ते दुनिया, आप कैसे हैं?',
  'สวัสดีชาวโลก วันนี้อากาศดี',
  '今天天气很好，我们去公园散步吧。',
  '吾輩は猫である。名前はまだ無い。カタカナ、ｶﾀｶﾅ',
  '안녕하세요 세계, 오늘 날씨가 좋네요.',
  '🙂👩‍👩‍👧‍👦 👍🏽 ✈️ 1️⃣ 🇪🇺',
  'e-mail: someone@example.com, https://example.com/a_b?c=d#e $1,234.56 50%',
  '[CLS] and [SEP] and [MASK] in a [UNK] text [SEP',
  'zero\u200bwidth soft\u00adhyphen nul\u0000 bom\ufeff replacement\ufffd no\u00a0break wide\u3000space',
  'a\u0301e\u0308 \u0301alone ﬁ ﬂ Ⅷ ㎏ ½ ™ \ufdfa',
];

const words = sentences.flatMap((sentence) => sentence.split(' '));
const part = fc.oneof(
  fc.constantFrom(...sentences),
  fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 40 }).map((some) => some.join(' ')),
  fc.constantFrom(' ', '  ', '\n', '\r\n', '\t', '\u000b', '\u0085', '\u2028', ' \n \n ', ''),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzäß '), maxLength: 140 }),
  fc
    .tuple(fc.constantFrom('a', 'un', 'ing', 'Σ', 'é', '中', 'z'), fc.integer({ min: 1, max: 110 }))
    .map(([text, times]) => text.repeat(times)),
);
const text = fc
  .tuple(fc.array(part, { maxLength: 12 }), fc.constantFrom('', ' ', '\n'), fc.constantFrom(1, 1, 2, 20))
  .map(([parts, between, times]) => `${parts.join(between)}${between}`.repeat(times));

describe('the tokenizer', () => {
  it('gives the ids of the library’s own, whatever the text', () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(tokenize(each)).toEqual(reference(each));
      }),
      { numRuns: 2000, examples: sentences.map((sentence) => [sentence]) },
    );
  });

  it('gives the same for the same texts over and over, up to far more than the encoder takes', () => {
    for (const sentence of sentences)
      for (const times of [1, 2, 5, 12, 40, 300])
        for (const between of [' ', '\n', ''])
          expect(tokenize((sentence + between).repeat(times))).toEqual(
            reference((sentence + between).repeat(times)),
          );
  });

  it.each(Object.entries(costlyTexts))('gives the same for %s', (_, costly) => {
    expect(tokenize(costly)).toEqual(reference(costly));
  });

  it.each(Object.entries(costlyTexts))('spends a bounded time on %s', (_, costly) => {
    tokenize(costly);
    const before = process.cpuUsage();
    for (let count = 0; count < 10; count++) tokenize(costly);
    const { user, system } = process.cpuUsage(before);
    // Some ten milliseconds at most; the library takes 160 for the worst.
    expect((user + system) / 1000 / 10).toBeLessThan(60);
  });
});
