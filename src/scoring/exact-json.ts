/** JSON's own keeper of a number as it was written (ES2026), which TypeScript does not know yet. */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): object };

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** As many digits as an integer needs to be beyond 2^53. */
const manyDigits = /\d{16}/;

const keepLarge: Reviver = (_, value, { source = '' }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? rawJSON(source)
    : value;

/**
 * Parses JSON whose integers may be beyond 2^53, as ids of databases are: `JSON.stringify` writes them as they were.
 * @throws SyntaxError
 * @example JSON.stringify(parseExactly('{"id":12345678901234567890}')) // '{"id":12345678901234567890}'
 */
export function parseExactly(text: string): unknown {
  return manyDigits.test(text)
    ? JSON.parse(text, keepLarge as (key: string, value: unknown) => unknown)
    : JSON.parse(text);
}
