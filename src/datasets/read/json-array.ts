import type { JsonOptions } from './json-lines.ts';
import { type ReadRow, tableLimits } from './table-row.ts';
import { TextProblem } from './text-encoding.ts';
import { readText } from './text-stream.ts';

/**
 * Reads a JSON file that is an array of objects, as pandas writes with `to_json(orient='records')`, one object after another:
 * the array is never in memory as a whole. A row's number is its place in the array, from 1.
 * @throws TextProblem where the file is no such array, or an item is too long for a row
 */
export async function* readJsonArray(
  path: string,
  { onEncoding, parseJson = JSON.parse }: JsonOptions = {},
): AsyncGenerator<ReadRow> {
  const items = new JsonItems();
  let row = 0;
  for await (const text of readText(path, onEncoding))
    for (const item of items.take(text)) yield readItem(item, ++row, parseJson);
  items.end();
}

function readItem(text: string, row: number, parse: (text: string) => unknown): ReadRow {
  try {
    const value = parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { row, values: new Map(Object.entries(value)) };
    return { row, problem: 'the item of the array is not a JSON object' };
  } catch (error) {
    return { row, problem: (error as Error).message };
  }
}

/** Cuts a JSON array into its items; what an item is, `JSON.parse` says. */
class JsonItems {
  #state: 'start' | 'items' | 'end' = 'start';
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #parts: string[] = [];
  #length = 0;
  /** Items so far. */
  #count = 0;

  *take(text: string): Generator<string> {
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const character = text.charAt(at);
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (character === '\\') this.#isEscaped = true;
        else if (character === '"') this.#inString = false;
        continue;
      }
      if (this.#state !== 'items') {
        if (/\s/.test(character)) continue;
        if (this.#state === 'end' || character !== '[')
          throw new TextProblem(
            this.#state === 'end'
              ? 'something follows the end of the array'
              : 'it is no JSON array of objects; write it with orient="records"',
          );
        this.#state = 'items';
        from = at + 1;
      } else if (character === '"') this.#inString = true;
      else if (character === '{' || character === '[') this.#depth++;
      else if (this.#depth === 0 && (character === ',' || character === ']')) {
        const item = this.#finish(text.slice(from, at));
        if (item !== '' || character === ',' || this.#count > 0) {
          this.#count++;
          yield item;
        }
        from = at + 1;
        if (character === ']') this.#state = 'end';
      } else if (character === '}' || character === ']') this.#depth--;
    }
    if (this.#state === 'items') this.#keep(text.slice(from));
  }

  /** @throws TextProblem where the array is not closed */
  end(): void {
    if (this.#state === 'start') throw new TextProblem('the file is empty');
    if (this.#state === 'items') throw new TextProblem('the array is never closed: the file breaks off');
  }

  #keep(part: string): void {
    this.#length += part.length;
    if (this.#length > tableLimits.row)
      throw new TextProblem(
        `item ${this.#count + 1} is longer than ${tableLimits.row} characters; reading stopped there`,
      );
    this.#parts.push(part);
  }

  #finish(part: string): string {
    this.#keep(part);
    const item = this.#parts.join('').trim();
    this.#parts = [];
    this.#length = 0;
    return item;
  }
}
