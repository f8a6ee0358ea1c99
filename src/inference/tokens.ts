import path from 'node:path';
import { AutoTokenizer, env, type PreTrainedTokenizer } from '@xenova/transformers';
import { int64, type Tensors } from '../runtime/tensor.ts';
import type { TextEncoderManifest, VerifiedManifest } from './encoder-manifest.ts';

// Encoders are installed files: nothing is fetched or cached behind anyone's back.
env.allowRemoteModels = false;
env.useFSCache = false;

/** A word of more characters than 100 is one unknown token to WordPiece; blanks come on top. */
const charactersOfToken = 128;

/** Loads the tokenizer of an encoder's folder. */
export function loadTokenizer({
  folder,
}: VerifiedManifest<TextEncoderManifest>): Promise<PreTrainedTokenizer> {
  env.localModelPath = path.dirname(path.resolve(folder));
  return AutoTokenizer.from_pretrained(path.basename(folder), { local_files_only: true });
}

/**
 * Token ids of a text, special tokens included, cut to the encoder's length. The tokenizer's own truncation would
 * cut off the closing special token as well. What can't be among the first tokens is not looked at: tokenizing takes a
 * microsecond a character.
 * @example tokenize(tokenizer, 'a red bike', 128) // [101, 1037, 2417, 7997, 102]
 */
export function tokenize(tokenizer: PreTrainedTokenizer, text: string, maximumTokens: number): number[] {
  const ids: number[] = tokenizer.encode(text.slice(0, maximumTokens * charactersOfToken));
  return ids.length <= maximumTokens ? ids : [...ids.slice(0, maximumTokens - 1), ids[ids.length - 1]];
}

/**
 * Pads texts to a shape: `input_ids` and `attention_mask`, [rows, tokens]. A row without a text has one token that
 * counts, for a mean over none would be no number.
 */
export function padTokens(
  texts: readonly (readonly number[])[],
  { rows, tokens }: { rows: number; tokens: number },
): Tensors {
  const ids = new BigInt64Array(rows * tokens);
  const mask = new BigInt64Array(rows * tokens);
  for (let row = texts.length; row < rows; row++) mask[row * tokens] = 1n;
  for (const [row, text] of texts.entries())
    for (const [column, id] of text.entries()) {
      ids[row * tokens + column] = BigInt(id);
      mask[row * tokens + column] = 1n;
    }
  return {
    input_ids: int64([rows, tokens], ids),
    attention_mask: int64([rows, tokens], mask),
  };
}
