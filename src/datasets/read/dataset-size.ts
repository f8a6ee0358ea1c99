import { tableLimits } from './table-row.ts';

/** How large a dataset has become while it is read, all its parts together. */
export class DatasetSize {
  #examples = 0;
  #textBytes = 0;

  /**
   * Counts an example with its texts.
   * @returns what is too much then, in words; reading should stop there
   * @example const problem = size.add(text, label);
   */
  add(...texts: readonly unknown[]): string | undefined {
    this.#examples++;
    for (const text of texts) if (typeof text === 'string') this.#textBytes += Buffer.byteLength(text);
    if (this.#examples > tableLimits.rows)
      return `there are more than ${tableLimits.rows} rows; split it into several datasets`;
    if (this.#textBytes > tableLimits.text)
      return `the dataset has more than ${tableLimits.text / 2 ** 20} MiB of text; split it into several datasets`;
    return undefined;
  }
}
