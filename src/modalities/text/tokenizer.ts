import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { itemAt } from '../../indexing.ts';
// The library loads sharp, in each thread anew, and sharp then sets libvips to remember decoders, for the whole process.
import '../image/sharp.ts';
import * as transformers from '@xenova/transformers';
import { type WordPieceModel, wordPieces } from './word-pieces.ts';

const { PreTrainedTokenizer } = transformers;
type TokenizerClass = typeof PreTrainedTokenizer;

/** From a text to its token ids, special tokens included, as many as the encoder takes at most. */
export type Tokenize = (text: string) => number[];

/** What is used of a tokenizer of transformers.js: the parts that its own `encode` rests on. */
interface LoadedTokenizer {
  _tokenizer: TextTokenizer;
}

interface TextTokenizer {
  model: WordPieceModel;
  encode(text: string): { ids: number[] };
}

/** A word of more characters than 100 is one unknown token to WordPiece; blanks come on top. */
const charactersOfToken = 128;
/** Characters of a text, for each token of the encoder, that nearly always are enough. */
const usualCharactersOfToken = 8;
/**
 * Marks of a character that are looked at. Sorting them (Unicode's canonical ordering) takes time by the square of their
 * number; Unicode's own limit for streams is 30 (UAX #15, D3).
 */
const marksOfCharacter = 128;

/** The class of the library that tokenizer_config.json names; the one for all where it names none. */
function tokenizerClass(name = 'PreTrainedTokenizer'): TokenizerClass | undefined {
  const known = Object.entries(transformers).find(([own]) => own === name.replace(/Fast$/, ''))?.[1];
  const isTokenizer =
    typeof known === 'function' &&
    (known === PreTrainedTokenizer || known.prototype instanceof PreTrainedTokenizer);
  return isTokenizer ? (known as TokenizerClass) : undefined;
}

/**
 * Whether the library has a tokenizer's class.
 * @example isTokenizerClass('BertTokenizerFast') // true
 */
export function isTokenizerClass(name: string): boolean {
  return tokenizerClass(name) !== undefined;
}

/**
 * Loads the tokenizer of an encoder's folder. What it does for a text is bounded, whatever the text: what can't be among
 * the first tokens is not looked at.
 * @throws Error where a file is missing or damaged
 * @example (await loadTokenizer('models/all-MiniLM-L6-v2', 128))('a red bike') // [101, 1037, 2417, 7997, 102]
 */
export async function loadTokenizer(folder: string, maximumTokens: number): Promise<Tokenize> {
  // The library's own loading takes names of the hub, not any folder's.
  const read = async (name: string) => JSON.parse(await readFile(path.join(folder, name), 'utf8'));
  // One after the other: where both are missing, the error always names the same one.
  const definition = await read('tokenizer.json');
  const config = await read('tokenizer_config.json');
  const Tokenizer = tokenizerClass(config.tokenizer_class) ?? PreTrainedTokenizer;
  const loaded: unknown = new Tokenizer(definition, config);
  const { _tokenizer: tokenizer } = loaded as LoadedTokenizer;
  const { model } = tokenizer;
  if (definition.model.type === 'WordPiece') model.encode = wordPieces(model, maximumTokens);
  return (text) => tokenize(tokenizer, text, maximumTokens);
}

function tokenize(tokenizer: TextTokenizer, text: string, maximumTokens: number): number[] {
  const whole = shorten(text, maximumTokens * charactersOfToken);
  for (let most = maximumTokens * usualCharactersOfToken; most < whole.length; most *= 2) {
    // What comes before a blank has the same tokens without what comes after it.
    const end = Math.max(whole.lastIndexOf(' ', most), whole.lastIndexOf('\n', most));
    if (end <= 0) continue;
    const { ids } = tokenizer.encode(whole.slice(0, end));
    if (ids.length > maximumTokens) return truncate(ids, maximumTokens);
  }
  return truncate(tokenizer.encode(whole).ids, maximumTokens);
}

function shorten(text: string, characters: number): string {
  const start = text.slice(0, characters);
  if (start.length <= marksOfCharacter) return start;
  return start.replace(/\p{M}+/gu, (marks) => marks.slice(0, marksOfCharacter));
}

/** The tokenizer's own truncation would cut off the closing special token as well. */
function truncate(ids: number[], most: number): number[] {
  return ids.length <= most ? ids : [...ids.slice(0, most - 1), itemAt(ids, -1)];
}
