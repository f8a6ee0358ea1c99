import { int64, type Tensors } from '../../runtime/tensor.ts';

/**
 * Pads texts to a shape: `input_ids` and `attention_mask`, [rows, tokens]. A row without a text has one token that
 * counts, for a mean over none would be no number.
 * @param padding the id that shorter texts are filled up with
 */
export function padTokens(
  texts: readonly (readonly number[])[],
  { rows, tokens, padding = 0 }: { rows: number; tokens: number; padding?: number },
): Tensors {
  const ids = new BigInt64Array(rows * tokens);
  if (padding !== 0) ids.fill(BigInt(padding));
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
